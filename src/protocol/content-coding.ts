import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import { ServingError } from '../errors.ts';
import { quote } from './fields.ts';
import { parseQualities, qualityOf } from './quality.ts';

/** Content codings that are understood in requests and offered for responses (RFC 9110, 8.4.1). */
export type ContentCoding = 'gzip' | 'deflate' | 'identity';

/** What a 415 for an unknown coding tells in its `Accept-Encoding` header. */
export const acceptedCodings = 'gzip, deflate';

const gunzip = promisify(zlib.gunzip);
const inflate = promisify(zlib.inflate);
const inflateRaw = promisify(zlib.inflateRaw);
const gzip = promisify(zlib.gzip);
const deflate = promisify(zlib.deflate);

/** Codings that may be stacked in one body: each may multiply its size a thousandfold. */
const maximumLayers = 2;

/**
 * Takes the content codings off a body.
 *
 * @param contentEncoding the header; undefined or empty for none
 * @param maximumBytes of the body at every step: decompression stops there
 * @throws ServingError UNSUPPORTED_MEDIA_TYPE, PAYLOAD_TOO_LARGE, or INVALID_REQUEST for data that is not of the coding
 */
export async function decodeContent(
  body: Uint8Array,
  contentEncoding: string | undefined,
  maximumBytes: number,
): Promise<Uint8Array> {
  const codings = (contentEncoding ?? '')
    .split(',')
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== '' && coding !== 'identity');
  if (codings.length > maximumLayers) {
    throw unsupported(`at most ${maximumLayers} codings`, contentEncoding ?? '');
  }
  let bytes = body;
  // The header lists codings in the order in which they were applied.
  for (const coding of codings.toReversed()) {
    bytes = await decompress(bytes, coding, maximumBytes);
  }
  return bytes;
}

async function decompress(
  bytes: Uint8Array,
  coding: string,
  maximumBytes: number,
): Promise<Uint8Array> {
  try {
    const options = { maxOutputLength: maximumBytes };
    switch (coding) {
      case 'gzip':
      case 'x-gzip':
        return await gunzip(bytes, options);
      case 'deflate':
        return await (hasZlibHeader(bytes) ? inflate : inflateRaw)(bytes, options);
      default:
        throw unsupported(acceptedCodings, coding);
    }
  } catch (cause) {
    if (cause instanceof ServingError) throw cause;
    if (cause instanceof RangeError) {
      throw new ServingError(
        'PAYLOAD_TOO_LARGE',
        `body: expected at most ${maximumBytes} bytes once decompressed, got more`,
        { cause },
      );
    }
    throw new ServingError('INVALID_REQUEST', `body: expected ${coding} data, got other bytes`, {
      cause,
    });
  }
}

function unsupported(expected: string, got: string): ServingError {
  return new ServingError(
    'UNSUPPORTED_MEDIA_TYPE',
    `Content-Encoding: expected ${expected}, got ${quote(got)}`,
  );
}

/** `deflate` means the zlib format, yet some clients have always sent the bare stream (RFC 9110, 8.4.1.2). */
function hasZlibHeader(bytes: Uint8Array): boolean {
  const [first = 0, second = 0] = bytes;
  return (first & 0x0f) === 8 && ((first << 8) | second) % 31 === 0;
}

/** In the order of preference where a caller likes several equally. */
const offered: readonly ContentCoding[] = ['gzip', 'deflate', 'identity'];

/**
 * The coding that a caller likes best (RFC 9110, 12.5.3).
 *
 * @param acceptEncoding the header; undefined for none, which asks for no coding
 * @throws ServingError NOT_ACCEPTABLE when it rules out all of them, identity too
 */
export function negotiateCoding(acceptEncoding: string | undefined): ContentCoding {
  if (acceptEncoding === undefined || acceptEncoding.trim() === '') return 'identity';
  const qualities = parseQualities(acceptEncoding);
  let best: ContentCoding | undefined;
  let bestQuality = 0;
  for (const coding of offered) {
    // Not listed, identity is acceptable and the others are not; as a last resort, not as a preference.
    const unlisted = coding === 'identity' ? 0.0001 : 0;
    const quality = qualityOf(qualities, [coding, '*']) ?? unlisted;
    if (quality > bestQuality) {
      best = coding;
      bestQuality = quality;
    }
  }
  if (best !== undefined) return best;
  throw new ServingError(
    'NOT_ACCEPTABLE',
    `Accept-Encoding: expected one of gzip, deflate, identity, got ${quote(acceptEncoding)}`,
  );
}

/** Puts a coding on. Fast before small: tensors of noise gain little from more effort. */
export async function encodeContent(
  body: string | Uint8Array,
  coding: ContentCoding,
): Promise<string | Uint8Array> {
  const options = { level: zlib.constants.Z_BEST_SPEED };
  if (coding === 'gzip') return await gzip(body, options);
  if (coding === 'deflate') return await deflate(body, options);
  return body;
}
