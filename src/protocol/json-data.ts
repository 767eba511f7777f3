import { invalidRequest, ServingError } from '../errors.ts';
import { elementBytes, viewOf } from './datatype.ts';
import { describe } from './fields.ts';
import { formatShape } from './shape.ts';
import type { Datatype, TensorData } from './tensor.ts';

/** Writes a row of JSON values from `offset` on; the index of the first value that does not fit, or -1. */
type FillRow = (row: readonly unknown[], offset: number) => number;

const expectedElement: Readonly<Record<Datatype, string>> = {
  BOOL: 'true or false',
  UINT8: 'an integer from 0 to 255',
  UINT16: 'an integer from 0 to 65535',
  UINT32: 'an integer from 0 to 4294967295',
  UINT64: 'an integer (or a string of digits) from 0 to 18446744073709551615',
  INT8: 'an integer from -128 to 127',
  INT16: 'an integer from -32768 to 32767',
  INT32: 'an integer from -2147483648 to 2147483647',
  INT64: 'an integer (or a string of digits) from -9223372036854775808 to 9223372036854775807',
  FP16: 'binary data',
  FP32: 'a number in the range of FP32',
  FP64: 'a number in the range of FP64',
  BYTES: 'a string of valid Unicode',
};

/**
 * The JSON form of a tensor's data, flat or nested as its shape, as an array of its datatype.
 *
 * @param count the product of `shape`
 * @throws ServingError INVALID_REQUEST whose field is the path of the first element that does not fit
 */
export function parseJsonData(
  value: unknown,
  datatype: Datatype,
  shape: readonly number[],
  count: number,
  field: string,
): TensorData {
  if (!Array.isArray(value)) throw invalidRequest(field, 'an array', describe(value));
  const data: readonly unknown[] = value;
  const nested = Array.isArray(data[0]);
  if (nested) checkOuterLength(data, shape, field);
  else if (data.length !== count) {
    throw invalidRequest(
      field,
      `${count} elements, the product of the shape ${formatShape(shape)}`,
      `${data.length}`,
    );
  }
  const { target, fillRow } = openTarget(datatype, count);
  const fill = (row: readonly unknown[], offset: number, rowField: string): void => {
    const bad = fillRow(row, offset);
    if (bad >= 0) {
      throw invalidRequest(`${rowField}[${bad}]`, expectedElement[datatype], describe(row[bad]));
    }
  };
  if (nested) fillNested(data, shape, field, fill);
  else fill(data, 0, field);
  return target;
}

function checkOuterLength(data: readonly unknown[], shape: readonly number[], field: string): void {
  // Before the allocation: what is allocated for a nested tensor is bounded by rows that exist.
  if (data.length !== shape[0]) {
    throw invalidRequest(field, `${shape[0] ?? 1} elements as the shape says`, `${data.length}`);
  }
}

function fillNested(
  data: readonly unknown[],
  shape: readonly number[],
  field: string,
  fill: (row: readonly unknown[], offset: number, rowField: string) => void,
): void {
  const last = shape.length - 1;
  let offset = 0;
  const path: number[] = [];
  const fieldHere = () => field + path.map((index) => `[${index}]`).join('');
  const walk = (rows: readonly unknown[], axis: number): void => {
    if (rows.length !== shape[axis]) {
      throw invalidRequest(
        fieldHere(),
        `${shape[axis]} elements, dimension ${axis} of the shape ${formatShape(shape)}`,
        `${rows.length}`,
      );
    }
    if (axis === last) {
      fill(rows, offset, fieldHere());
      offset += rows.length;
      return;
    }
    for (let index = 0; index < rows.length; index++) {
      path[axis] = index;
      const inner = rows[index];
      if (!Array.isArray(inner)) {
        throw invalidRequest(fieldHere(), `an array of ${shape[axis + 1]}`, describe(inner));
      }
      walk(inner, axis + 1);
    }
    path.length = axis;
  };
  walk(data, 0);
}

function openTarget(
  datatype: Datatype,
  count: number,
): { readonly target: TensorData; readonly fillRow: FillRow } {
  if (datatype === 'BYTES') {
    const target: string[] = [];
    return { target, fillRow: (row) => fillStrings(target, row) };
  }
  if (datatype === 'FP16') {
    throw new ServingError('INVALID_REQUEST', 'FP16');
  }
  const target = viewOf(datatype, new ArrayBuffer(count * elementBytes[datatype]), 0, count);
  if (target instanceof BigInt64Array || target instanceof BigUint64Array) {
    return { target, fillRow: (row, offset) => fillLongIntegers(target, row, offset) };
  }
  if (target instanceof Float32Array || target instanceof Float64Array) {
    return { target, fillRow: (row, offset) => fillFloats(target, row, offset) };
  }
  if (datatype === 'BOOL') {
    return { target, fillRow: (row, offset) => fillBooleans(target, row, offset) };
  }
  return { target, fillRow: (row, offset) => fillIntegers(target, row, offset) };
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
  }
  // JSON.parse reads 1e999 as Infinity, and FP32 overflows to it; a second pass is cheaper than a branch in the first.
  for (let index = 0; index < row.length; index++) {
    if (!Number.isFinite(target[offset + index])) return index;
  }
  return -1;
}

function fillBooleans(target: IntegerArray, row: readonly unknown[], offset: number): number {
  for (let index = 0; index < row.length; index++) {
    const value = row[index];
    if (value !== true && value !== false && value !== 0 && value !== 1) return index;
    target[offset + index] = value === true || value === 1 ? 1 : 0;
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

/** Sign and digits, short enough that reading it takes no time worth counting. */
const digits = /^-?\d{1,20}$/;

function fillLongIntegers(
  target: BigInt64Array | BigUint64Array,
  row: readonly unknown[],
  offset: number,
): number {
  // Two 32-bit halves, low first as on every platform of Node: an order faster than a BigInt for each element.
  const halves = new Int32Array(target.buffer, target.byteOffset, target.length * 2);
  for (let index = 0; index < row.length; index++) {
    const value = row[index];
    const at = offset + index;
    if (typeof value === 'number' && (value | 0) === value) {
      if (value < 0 && target instanceof BigUint64Array) return index;
      halves[2 * at] = value;
      halves[2 * at + 1] = value < 0 ? -1 : 0;
      continue;
    }
    const exact = toBigInt(value);
    if (exact === undefined) return index;
    target[at] = exact;
    if (target[at] !== exact) return index;
  }
  return -1;
}

function toBigInt(value: unknown): bigint | undefined {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : undefined;
  return typeof value === 'string' && digits.test(value) ? BigInt(value) : undefined;
}
