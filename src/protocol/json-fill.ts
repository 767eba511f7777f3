import { elementBytes, viewOf } from './datatype.ts';
import { halfOf, halfToNumber } from './half.ts';
import type { Datatype, TensorData } from './tensor.ts';

/** An array of a datatype that rows of JSON values are written into. */
export interface Filler {
  readonly target: TensorData;
  /** Writes a row at `offset`; the position in the row of the first value that does not fit, or -1. */
  readonly fillRow: (row: readonly unknown[], offset: number) => number;
  /** What an element must be, for messages. */
  readonly expected: string;
}

const expectedElement: Readonly<Record<Datatype, string>> = {
  BOOL: 'true or false',
  UINT8: 'an integer from 0 to 255',
  UINT16: 'an integer from 0 to 65535',
  UINT32: 'an integer from 0 to 4294967295',
  UINT64: 'an integer in digits (a number or a string) from 0 to 18446744073709551615',
  INT8: 'an integer from -128 to 127',
  INT16: 'an integer from -32768 to 32767',
  INT32: 'an integer from -2147483648 to 2147483647',
  INT64:
    'an integer in digits (a number or a string) from -9223372036854775808 to 9223372036854775807',
  FP16: 'a number in the range of FP16',
  FP32: 'a number in the range of FP32',
  FP64: 'a number in the range of FP64',
  BYTES: 'a string of valid Unicode',
};

/** Allocates for `count` elements. BYTES rows must come in their order. */
export function openFiller(datatype: Datatype, count: number): Filler {
  const expected = expectedElement[datatype];
  if (datatype === 'BYTES') {
    const target: string[] = [];
    return { target, expected, fillRow: (row) => fillStrings(target, row) };
  }
  const target = viewOf(datatype, new ArrayBuffer(count * elementBytes[datatype]), 0, count);
  if (target instanceof BigInt64Array || target instanceof BigUint64Array) {
    // Two 32-bit halves, low first as on every platform of Node: ten times faster than a BigInt for each element.
    const halves = new Int32Array(target.buffer, target.byteOffset, count * 2);
    return {
      target,
      expected,
      fillRow: (row, offset) => fillLongIntegers(target, halves, row, offset),
    };
  }
  if (target instanceof Float32Array || target instanceof Float64Array) {
    return { target, expected, fillRow: (row, offset) => fillFloats(target, row, offset) };
  }
  if (datatype === 'FP16' && target instanceof Uint16Array) {
    return { target, expected, fillRow: (row, offset) => fillHalves(target, row, offset) };
  }
  if (datatype === 'BOOL') {
    return { target, expected, fillRow: (row, offset) => fillBooleans(target, row, offset) };
  }
  return { target, expected, fillRow: (row, offset) => fillIntegers(target, row, offset) };
}

type IntegerArray = Uint8Array | Uint16Array | Uint32Array | Int8Array | Int16Array | Int32Array;

function fillIntegers(target: IntegerArray, row: readonly unknown[], offset: number): number {
  for (let index = 0; index < row.length; index++) {
    const value = row[index];
    if (typeof value !== 'number') return index;
    target[offset + index] = value;
    // A fraction or a value out of range does not survive the array's conversion.
    if (target[offset + index] !== value) return index;
  }
  return -1;
}

function fillFloats(
  target: Float32Array | Float64Array,
  row: readonly unknown[],
  offset: number,
): number {
  for (let index = 0; index < row.length; index++) {
    const value = row[index];
    if (typeof value !== 'number') return index;
    target[offset + index] = value;
    // JSON.parse reads 1e999 as Infinity, and FP32 overflows to it.
    if (!Number.isFinite(target[offset + index])) return index;
  }
  return -1;
}

function fillHalves(target: Uint16Array, row: readonly unknown[], offset: number): number {
  for (let index = 0; index < row.length; index++) {
    const value = row[index];
    if (typeof value !== 'number') return index;
    const bits = halfOf(value);
    if (!Number.isFinite(halfToNumber(bits))) return index;
    target[offset + index] = bits;
  }
  return -1;
}

function fillBooleans(target: IntegerArray, row: readonly unknown[], offset: number): number {
  for (let index = 0; index < row.length; index++) {
    const value = row[index];
    if (value === true || value === 1) target[offset + index] = 1;
    else if (value !== false && value !== 0) return index;
  }
  return -1;
}

function fillStrings(target: string[], row: readonly unknown[]): number {
  for (let index = 0; index < row.length; index++) {
    const value = row[index];
    if (typeof value !== 'string' || !value.isWellFormed()) return index;
    target.push(value);
  }
  return -1;
}

const longRanges = {
  INT64: { lowest: -(2n ** 63n), highest: 2n ** 63n - 1n },
  UINT64: { lowest: 0n, highest: 2n ** 64n - 1n },
} as const;

function fillLongIntegers(
  target: BigInt64Array | BigUint64Array,
  halves: Int32Array,
  row: readonly unknown[],
  offset: number,
): number {
  const unsigned = target instanceof BigUint64Array;
  const { lowest, highest } = longRanges[unsigned ? 'UINT64' : 'INT64'];
  for (let index = 0; index < row.length; index++) {
    const value = row[index];
    const at = offset + index;
    if (typeof value === 'number' && (value | 0) === value && (value >= 0 || !unsigned)) {
      halves[2 * at] = value;
      halves[2 * at + 1] = value < 0 ? -1 : 0;
      continue;
    }
    const exact = toBigInt(value);
    if (exact === undefined || exact < lowest || exact > highest) return index;
    target[at] = exact;
  }
  return -1;
}

/** Sign and digits, few enough that reading them takes no time worth counting. */
const digits = /^-?\d{1,20}$/;

function toBigInt(value: unknown): bigint | undefined {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : undefined;
  return typeof value === 'string' && digits.test(value) ? BigInt(value) : undefined;
}
