import { invalidRequest, ServingError } from '../errors.ts';
import { elementBytes, viewOf } from './datatype.ts';
import type { Datatype, Tensor, TensorData } from './tensor.ts';

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Each BYTES element stands behind its length, 4 bytes little-endian. */
const lengthPrefixBytes = 4;

/**
 * The raw form of a tensor (little-endian, row-major, no padding) as an array of its datatype.
 * Where `bytes` starts at a multiple of the element's size the result is a view that shares its memory, so
 * whoever changes one changes the other; elsewhere, and for BYTES, it is a copy.
 *
 * @param count elements that the shape calls for
 * @throws ServingError INVALID_REQUEST when the size is not that of `count` elements
 */
export function parseBinaryData(
  bytes: Uint8Array,
  datatype: Datatype,
  count: number,
  field: string,
): TensorData {
  if (datatype === 'BYTES') return parseStrings(bytes, count, field);
  const expected = count * elementBytes[datatype];
  if (bytes.byteLength !== expected) {
    throw invalidRequest(
      field,
      `${expected} bytes for ${count} elements of ${datatype}`,
      `${bytes.byteLength}`,
    );
  }
  if (datatype === 'BOOL') checkBooleans(bytes, field);
  if (bytes.byteOffset % elementBytes[datatype] === 0) {
    return viewOf(datatype, bytes.buffer, bytes.byteOffset, count);
  }
  const copy = new Uint8Array(bytes);
  return viewOf(datatype, copy.buffer, 0, count);
}

function checkBooleans(bytes: Uint8Array, field: string): void {
  const bad = bytes.findIndex((byte) => byte > 1);
  if (bad >= 0) throw invalidRequest(`${field}[${bad}]`, 'a byte of 0 or 1', `${bytes[bad]}`);
}

function parseStrings(bytes: Uint8Array, count: number, field: string): string[] {
  if (bytes.byteLength < count * lengthPrefixBytes) {
    throw invalidRequest(
      field,
      `at least ${count * lengthPrefixBytes} bytes for ${count} elements of BYTES`,
      `${bytes.byteLength}`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const strings: string[] = [];
  let offset = 0;
  for (let index = 0; index < count; index++) {
    if (offset + lengthPrefixBytes > bytes.byteLength) {
      throw invalidRequest(`${field}[${index}]`, 'a length of 4 bytes', 'the end of the data');
    }
    const start = offset + lengthPrefixBytes;
    const end = start + view.getUint32(offset, true);
    if (end > bytes.byteLength) {
      throw invalidRequest(
        `${field}[${index}]`,
        `${end - start} bytes as its length says`,
        `${bytes.byteLength - start}`,
      );
    }
    strings.push(parseUtf8(bytes.subarray(start, end), `${field}[${index}]`));
    offset = end;
  }
  if (offset !== bytes.byteLength) {
    throw invalidRequest(field, `${offset} bytes for ${count} elements`, `${bytes.byteLength}`);
  }
  return strings;
}

/** ONNX strings are UTF-8; other bytes would come back changed, so they are refused. */
function parseUtf8(bytes: Uint8Array, field: string): string {
  try {
    return strictUtf8.decode(bytes);
  } catch (cause) {
    throw new ServingError('INVALID_REQUEST', `${field}: expected UTF-8, got other bytes`, {
      cause,
    });
  }
}

/** The raw form of a tensor; shares the tensor's memory but for BYTES. */
export function toBinaryData({ data }: Pick<Tensor, 'data'>): Uint8Array {
  if (!Array.isArray(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  let size = 0;
  for (const text of data) size += lengthPrefixBytes + Buffer.byteLength(text);
  const bytes = Buffer.allocUnsafe(size);
  let offset = 0;
  for (const text of data) {
    const length = bytes.write(text, offset + lengthPrefixBytes);
    offset = bytes.writeUInt32LE(length, offset) + length;
  }
  return bytes;
}
