import { invalidRequest } from '../../errors.ts';
import { quote } from '../fields.ts';
import { maximumRank } from '../shape.ts';

/**
 * The header of NumPy's .npy files (numpy/lib/format.py, versions 1.0 to 3.0): magic, version, length of a Python
 * dictionary in text, and the dictionary, padded so that the data is aligned to 64 bytes.
 */
export interface NpyHeader {
  /** NumPy's letter of the type: `f`, `i`, `u`, `b`, `S`, `U`. */
  readonly kind: string;
  /** Size of one element; NumPy counts the characters of `U` strings, this does not. */
  readonly itemBytes: number;
  readonly bigEndian: boolean;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
  /** Where the data begins. */
  readonly dataOffset: number;
}

const magic = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59);
const alignmentBytes = 64;
/** As NumPy's own `max_header_size`: no array of a datatype we know needs more. */
const maximumHeaderBytes = 10_000;

/** @throws ServingError INVALID_REQUEST */
export function parseNpyHeader(bytes: Uint8Array): NpyHeader {
  if (bytes.length < 12 || magic.some((byte, index) => bytes[index] !== byte)) {
    throw invalidRequest('body', 'a .npy file, which begins with \\x93NUMPY', 'other bytes');
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint8(6);
  if (version < 1 || version > 3) {
    throw invalidRequest('body', 'a .npy file of version 1, 2 or 3', `version ${version}`);
  }
  const start = version === 1 ? 10 : 12;
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const dataOffset = start + length;
  if (length > maximumHeaderBytes || dataOffset > bytes.length) {
    throw invalidRequest(
      'body',
      `a header of at most ${Math.min(maximumHeaderBytes, bytes.length - start)} bytes`,
      `${length}`,
    );
  }
  const text = new TextDecoder().decode(bytes.subarray(start, dataOffset));
  return { ...parseDictionary(text), dataOffset };
}

function parseDictionary(text: string): Omit<NpyHeader, 'dataOffset'> {
  const descriptor = /'descr'\s*:\s*'([<>|=])([a-zA-Z?])(\d{0,9})'/.exec(text);
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(text);
  const shape = /'shape'\s*:\s*\(([\d\s,L]*)\)/.exec(text);
  if (descriptor === null || order === null || shape === null) {
    throw invalidRequest(
      'body',
      'a header with a plain descr, fortran_order and shape (no records, no objects)',
      quote(text.trim()),
    );
  }
  const [, byteOrder = '|', kind = '', size = ''] = descriptor;
  const units = size === '' ? 1 : Number(size);
  return {
    kind: kind === '?' ? 'b' : kind,
    itemBytes: kind === 'U' ? units * 4 : units,
    bigEndian: byteOrder === '>',
    fortranOrder: order[1] === 'True',
    shape: parseDimensions(shape[1] ?? ''),
  };
}

function parseDimensions(text: string): readonly number[] {
  const dimensions = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => Number(part.replace(/L$/, '')));
  const whole = dimensions.every((dimension) => Number.isSafeInteger(dimension));
  if (whole && dimensions.length <= maximumRank) return dimensions;
  throw invalidRequest('body', `a shape of at most ${maximumRank} whole numbers`, quote(text));
}

/** A version 1.0 header for data in C order. */
export function formatNpyHeader(descriptor: string, shape: readonly number[]): Uint8Array {
  // Python writes a tuple of one with a comma behind it.
  const dimensions = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '${descriptor}', 'fortran_order': False, 'shape': (${dimensions}), }`;
  const start = magic.length + 4;
  const size = Math.ceil((start + text.length + 1) / alignmentBytes) * alignmentBytes;
  const bytes = new Uint8Array(size).fill(0x20);
  bytes.set(magic);
  bytes.set([1, 0, (size - start) & 0xff, (size - start) >> 8], magic.length);
  new TextEncoder().encodeInto(text, bytes.subarray(start));
  bytes[size - 1] = 0x0a;
  return bytes;
}
