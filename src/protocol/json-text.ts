import { ServingError } from '../errors.ts';
import { quote } from './fields.ts';
import { maximumFloat32Characters, writeFloat32 } from './float32-text.ts';
import type { Tensor } from './tensor.ts';

/** The elements from `start` to before `end`, with commas between them and no brackets. */
export type ElementsText = (start: number, end: number) => string;

/**
 * How the elements of a tensor stand in JSON. 64-bit integers beyond 2^53 - 1 are strings, for JSON readers that
 * know only doubles would change them; FP32 has the shortest digits that read back as the same value.
 *
 * @param advice what to ask for instead, in messages. @default binary data of the protocol
 * @throws ServingError INVALID_REQUEST for what JSON cannot carry: FP16, NaN and infinities
 */
export function elementsText(tensor: Tensor, advice?: string): ElementsText {
  const { datatype, data, name } = tensor;
  if (datatype === 'FP16') {
    throw new ServingError(
      'INVALID_REQUEST',
      `output ${quote(name)}: sending FP16 data via JSON is not supported${advice === undefined ? '. Please use the binary data format (parameters.binary_data_output)' : `; ${advice}`}`,
    );
  }
  if (Array.isArray(data)) {
    return (start, end) => JSON.stringify(data.slice(start, end)).slice(1, -1);
  }
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    return (start, end) => longIntegers(data, start, end);
  }
  if (data instanceof Float32Array) {
    refuseNonFinite(data, name, advice);
    return (start, end) => floats(data, start, end);
  }
  if (data instanceof Float64Array) {
    refuseNonFinite(data, name, advice);
    return (start, end) => doubles(data, start, end);
  }
  if (datatype === 'BOOL') return (start, end) => booleans(data, start, end);
  return (start, end) => data.subarray(start, end).join(',');
}

/** A tensor's data as a flat JSON array. @throws as `elementsText` */
export function toFlatJson(tensor: Tensor): string {
  return `[${elementsText(tensor)(0, tensor.data.length)}]`;
}

function refuseNonFinite(
  data: Float32Array | Float64Array,
  name: string,
  advice = 'ask for binary data (parameters.binary_data_output)',
): void {
  for (let index = 0; index < data.length; index++) {
    if (Number.isFinite(data[index])) continue;
    throw new ServingError(
      'INVALID_REQUEST',
      `output ${quote(name)}: element ${index} is ${data[index]}, which JSON cannot carry; ${advice}`,
    );
  }
}

/** Values written at a time: the scratch memory stays small enough for a processor's cache. */
const chunkLength = 2048;
const scratch = Buffer.alloc(chunkLength * maximumFloat32Characters);
const comma = 0x2c;

function floats(data: Float32Array, start: number, end: number): string {
  const chunks: string[] = [];
  for (let chunkStart = start; chunkStart < end; chunkStart += chunkLength) {
    const chunkEnd = Math.min(end, chunkStart + chunkLength);
    let offset = 0;
    for (let index = chunkStart; index < chunkEnd; index++) {
      offset = writeFloat32(data[index] ?? 0, scratch, offset);
      scratch[offset++] = comma;
    }
    chunks.push(scratch.toString('latin1', 0, offset - 1));
  }
  return chunks.length === 1 ? (chunks[0] ?? '') : chunks.join(',');
}

function doubles(data: Float64Array, start: number, end: number): string {
  const slice = data.subarray(start, end);
  // JavaScript writes -0 as 0; the sign is part of the value. Python reads `-0` as an integer, which has none.
  return slice.some((value) => Object.is(value, -0))
    ? Array.from(slice, (value) => (Object.is(value, -0) ? '-0.0' : `${value}`)).join(',')
    : slice.join(',');
}

function booleans(data: ArrayLike<number>, start: number, end: number): string {
  const words: string[] = [];
  for (let index = start; index < end; index++) words.push(data[index] === 1 ? 'true' : 'false');
  return words.join(',');
}

function longIntegers(data: BigInt64Array | BigUint64Array, start: number, end: number): string {
  // Low half first, as on every platform of Node. A value whose high half only extends the low one's sign is an
  // INT32, and a UINT64 too when it is not negative: no BigInt for it.
  const halves = new Int32Array(data.buffer, data.byteOffset, data.length * 2);
  const lowest = data instanceof BigUint64Array ? 0 : -(2 ** 31);
  const words: string[] = [];
  for (let index = start; index < end; index++) {
    const low = halves[2 * index] ?? 0;
    words.push(
      halves[2 * index + 1] === low >> 31 && low >= lowest
        ? `${low}`
        : longInteger(data[index] ?? 0n),
    );
  }
  return words.join(',');
}

function longInteger(value: bigint): string {
  return Number.isSafeInteger(Number(value)) ? `${value}` : `"${value}"`;
}
