import { elementBytes, type FixedDatatype, viewOf } from '../protocol/datatype.ts';
import type { Tensor, TensorData, TensorMetadata } from '../protocol/tensor.ts';

/**
 * Several requests in one run: their tensors put together along the first dimension, and the outputs taken
 * apart again. Whether a model's rows are independent of each other its metadata cannot say: a first dimension
 * that varies may be time. So what is stacked is trusted only after `outputsAgree` has said so, or the model's
 * owner has.
 */

/** Whether the metadata allows it: every input and output has a first dimension that varies. */
export function isStackable(
  inputs: readonly TensorMetadata[],
  outputs: readonly TensorMetadata[],
): boolean {
  return inputs.length > 0 && [...inputs, ...outputs].every(({ shape }) => shape[0] === -1);
}

/** Rows of a request: the first dimension that its inputs share; undefined when they share none. */
export function countRows(inputs: readonly Tensor[]): number | undefined {
  const rows = inputs[0]?.shape[0];
  if (rows === undefined) return undefined;
  return inputs.every(({ shape }) => shape[0] === rows) ? rows : undefined;
}

/** Requests with equal keys can be stacked: the same names, datatypes and trailing dimensions in the same order. */
export function stackingKey(inputs: readonly Tensor[]): string {
  let key = '';
  for (const { name, datatype, shape } of inputs) {
    key += `${name}\u0000${datatype}`;
    for (let axis = 1; axis < shape.length; axis++) key += `,${shape[axis]}`;
    key += '\u0000';
  }
  return key;
}

/**
 * One request that holds the rows of all, in their order.
 *
 * @param requests at least one; all with the same `stackingKey`, none with a scalar
 */
export function stackTensors(requests: readonly (readonly Tensor[])[]): readonly Tensor[] {
  const [first] = requests;
  if (first === undefined) throw new RangeError('stackTensors: expected at least one request');
  if (requests.length === 1) return first;
  return first.map(({ name, datatype, shape }, position) => {
    let rows = 0;
    const parts = requests.map((request) => {
      const tensor = request[position];
      if (tensor?.shape[0] === undefined) {
        throw new RangeError(`stackTensors: expected rows of ${name} in every request`);
      }
      rows += tensor.shape[0];
      return tensor.data;
    });
    return {
      name,
      datatype,
      shape: [rows, ...shape.slice(1)],
      data: datatype === 'BYTES' ? joinStrings(parts) : joinArrays(datatype, parts),
    };
  });
}

/**
 * The outputs of a stacked run, taken apart: one list of tensors for each request. The data are views of the
 * run's own arrays.
 *
 * @param rows first dimension of each request, in the order in which they were stacked
 * @returns undefined when an output does not have one row for each row that went in
 */
export function splitTensors(
  outputs: readonly Tensor[],
  rows: readonly number[],
): Tensor[][] | undefined {
  const total = rows.reduce((sum, count) => sum + count, 0);
  if (outputs.some(({ shape }) => shape[0] !== total)) return undefined;
  const requests: Tensor[][] = [];
  let start = 0;
  for (const count of rows) {
    const from = start;
    requests.push(
      outputs.map(({ name, datatype, shape, data }) => {
        const width = total === 0 ? 0 : data.length / total;
        return {
          name,
          datatype,
          shape: [count, ...shape.slice(1)],
          data: slice(data, from * width, (from + count) * width),
        };
      }),
    );
    start += count;
  }
  return requests;
}

/**
 * Whether a request's outputs from a stacked run are those of its own run, but for the order in which a
 * matrix product adds: within 1e-3 of the larger value, or 1e-5 of nothing.
 */
export function outputsAgree(stacked: readonly Tensor[], alone: readonly Tensor[]): boolean {
  return (
    stacked.length === alone.length &&
    stacked.every((left, index) => {
      const right = alone[index];
      return (
        right !== undefined &&
        left.name === right.name &&
        left.shape.length === right.shape.length &&
        left.shape.every((dimension, axis) => dimension === right.shape[axis]) &&
        dataAgree(left, right)
      );
    })
  );
}

function dataAgree(left: Tensor, right: Tensor): boolean {
  const exact = left.datatype !== 'FP32' && left.datatype !== 'FP64' && left.datatype !== 'FP16';
  for (let index = 0; index < left.data.length; index++) {
    const a = left.data[index];
    const b = right.data[index];
    if (a === b) continue;
    if (exact || typeof a !== 'number' || typeof b !== 'number') return false;
    // The bits of an FP16 grow with its magnitude: neighbours differ by one.
    if (left.datatype === 'FP16') {
      if (Math.abs(a - b) > 4) return false;
    } else if (!Number.isFinite(a) || !Number.isFinite(b)) {
      if (!(Number.isNaN(a) && Number.isNaN(b))) return false;
    } else if (Math.abs(a - b) > 1e-5 + 1e-3 * Math.max(Math.abs(a), Math.abs(b))) return false;
  }
  return true;
}

function joinStrings(parts: readonly TensorData[]): string[] {
  const joined: string[] = [];
  for (const part of parts) {
    for (const value of part) joined.push(String(value));
  }
  return joined;
}

function joinArrays(datatype: FixedDatatype, parts: readonly TensorData[]): TensorData {
  const arrays = parts.filter(
    (part): part is Exclude<TensorData, string[]> => !Array.isArray(part),
  );
  const length = arrays.reduce((sum, part) => sum + part.length, 0);
  // Bytes are copied as bytes: one path for the twelve kinds of array.
  const bytes = new Uint8Array(length * elementBytes[datatype]);
  let offset = 0;
  for (const part of arrays) {
    bytes.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), offset);
    offset += part.byteLength;
  }
  return viewOf(datatype, bytes.buffer, 0, length);
}

function slice(data: TensorData, start: number, end: number): TensorData {
  return Array.isArray(data) ? data.slice(start, end) : data.subarray(start, end);
}
