import { invalidRequest, ServingError } from '../../errors.ts';

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** NumPy pads strings with zeros and takes them off again. */
const padding = 0;

/** `S` strings: `itemBytes` bytes each. @throws ServingError INVALID_REQUEST for what is not UTF-8 */
export function parseByteStrings(data: Uint8Array, itemBytes: number, count: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    const item = data.subarray(index * itemBytes, (index + 1) * itemBytes);
    const length = item.findLastIndex((byte) => byte !== padding) + 1;
    try {
      return strictUtf8.decode(item.subarray(0, length));
    } catch (cause) {
      throw new ServingError('INVALID_REQUEST', `body[${index}]: expected UTF-8, got other bytes`, {
        cause,
      });
    }
  });
}

const codePointBytes = 4;
const maximumCodePoint = 0x10ffff;

/** `U` strings: UTF-32, little-endian. @throws ServingError INVALID_REQUEST for what is no character */
export function parseUnicode(data: Uint8Array, itemBytes: number, count: number): string[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return Array.from({ length: count }, (_, index) => {
    const start = index * itemBytes;
    let text = '';
    let zeros = 0;
    for (let offset = start; offset < start + itemBytes; offset += codePointBytes) {
      const codePoint = view.getUint32(offset, true);
      if (codePoint === padding) {
        zeros++;
        continue;
      }
      if (codePoint > maximumCodePoint || (codePoint & 0xfffff800) === 0xd800) {
        throw invalidRequest(`body[${index}]`, 'Unicode characters', `the number ${codePoint}`);
      }
      // Zeros before another character are part of the string.
      text += '\0'.repeat(zeros) + String.fromCodePoint(codePoint);
      zeros = 0;
    }
    return text;
  });
}

/** One long string among many short ones must not take the memory of the machine. */
const maximumTextBytes = 64 * 1024 * 1024;

/**
 * Strings as `U` data, each padded to the longest; an empty array has strings of one character, as NumPy's has.
 *
 * @throws ServingError NOT_ACCEPTABLE when the padding would take too much memory
 */
export function formatUnicode(strings: readonly string[]): {
  readonly bytes: Uint8Array;
  /** In code points. */
  readonly maximumLength: number;
} {
  const codePoints = strings.map((text) => Array.from(text, (char) => char.codePointAt(0) ?? 0));
  const maximumLength = codePoints.reduce((longest, { length }) => Math.max(longest, length), 1);
  const size = strings.length * maximumLength * codePointBytes;
  if (size > maximumTextBytes) {
    throw new ServingError(
      'NOT_ACCEPTABLE',
      `Accept: strings of up to ${maximumLength} characters pad to ${size} bytes as application/x-npy; ask for application/json`,
    );
  }
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  for (const [index, text] of codePoints.entries()) {
    for (const [place, codePoint] of text.entries()) {
      view.setUint32((index * maximumLength + place) * codePointBytes, codePoint, true);
    }
  }
  return { bytes, maximumLength };
}
