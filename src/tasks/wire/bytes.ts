import { invalidRequest } from '../../errors.ts';
import { refuseLongText } from '../../protocol/body.ts';

/**
 * Strict UTF-8, a byte-order mark left out.
 *
 * @param maximumBytes @default 8 MiB, what a call may have
 * @throws ServingError INVALID_REQUEST, PAYLOAD_TOO_LARGE
 */
export function decodeUtf8(bytes: Uint8Array, field: string, maximumBytes?: number): string {
  refuseLongText(bytes.length, field, maximumBytes);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw invalidRequest(field, 'text in UTF-8', 'other bytes');
  }
}

/** Base64, standard or URL-safe, perhaps as a data URL. @throws ServingError INVALID_REQUEST */
export function decodeBase64(text: string, field: string): Uint8Array {
  const comma = text.startsWith('data:') ? text.indexOf(',') + 1 : 0;
  const encoded = comma > 0 ? text.slice(comma) : text;
  const bytes = Buffer.from(encoded, 'base64');
  // Buffer skips what is not base64: then there are fewer bytes than characters.
  const digits = encoded.replace(/={0,2}\s*$/, '').length;
  if (bytes.length !== Math.floor((digits * 3) / 4) || digits === 0) {
    throw invalidRequest(field, 'base64', digits === 0 ? 'nothing' : 'other characters');
  }
  return bytes;
}
