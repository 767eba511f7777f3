import { ServingError } from '../errors.ts';
import type { Datatype, Tensor } from '../protocol/tensor.ts';

/** Datatypes that a task fills with real numbers. */
export const realDatatypes = ['FP32', 'FP16', 'FP64'] as const satisfies readonly Datatype[];

/** Real numbers as a tensor of the model's datatype; UINT8 and INT8 round and saturate. */
export function fromFloats(
  name: string,
  datatype: Datatype,
  shape: readonly number[],
  values: Float32Array,
): Tensor {
  switch (datatype) {
    case 'FP32':
      return { name, datatype, shape, data: values };
    case 'FP64':
      return { name, datatype, shape, data: Float64Array.from(values) };
    case 'FP16': {
      const halves = new Float16Array(values);
      return { name, datatype, shape, data: new Uint16Array(halves.buffer) };
    }
    case 'UINT8':
      return {
        name,
        datatype,
        shape,
        data: new Uint8Array(Uint8ClampedArray.from(values).buffer),
      };
    case 'INT8': {
      const whole = (value: number) => Math.min(127, Math.max(-128, Math.round(value)));
      return { name, datatype, shape, data: Int8Array.from(values, whole) };
    }
    case 'INT64':
      return {
        name,
        datatype,
        shape,
        data: BigInt64Array.from(values, (value) => BigInt(Math.round(value))),
      };
    case 'INT32':
      return { name, datatype, shape, data: Int32Array.from(values, Math.round) };
    default:
      throw new ServingError('MODEL_UNAVAILABLE', `input ${name}: cannot be filled with numbers`);
  }
}

/** Whole numbers (token ids, masks) as a tensor of the model's datatype. */
export function fromIntegers(
  name: string,
  datatype: Datatype,
  shape: readonly number[],
  values: Int32Array,
): Tensor {
  if (datatype === 'INT64') {
    const wide = new BigInt64Array(values.length);
    // Two halves are several times faster than one BigInt a value; ids are never negative.
    const halves = new Int32Array(wide.buffer);
    for (let i = 0; i < values.length; i += 1) halves[2 * i] = values[i] ?? 0;
    return { name, datatype, shape, data: wide };
  }
  if (datatype === 'INT32') return { name, datatype, shape, data: values };
  return fromFloats(name, datatype, shape, Float32Array.from(values));
}

/** The values of an output as real numbers; FP32 without a copy. */
export function toFloats(tensor: Tensor): Float32Array {
  const { data } = tensor;
  if (data instanceof Float32Array) return data;
  if (tensor.datatype === 'FP16' && data instanceof Uint16Array) {
    return new Float32Array(new Float16Array(data.buffer, data.byteOffset, data.length));
  }
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    return Float32Array.from(data, Number);
  }
  if (Array.isArray(data)) {
    throw new ServingError(
      'MODEL_UNAVAILABLE',
      `output ${tensor.name}: expected numbers, got text`,
    );
  }
  return Float32Array.from(data);
}

/** The output of that name; a runtime that leaves one out is broken. */
export function outputNamed(outputs: readonly Tensor[], name: string): Tensor {
  const found = outputs.find((tensor) => tensor.name === name);
  if (found === undefined) throw new ServingError('INTERNAL', `output ${name} is missing`);
  return found;
}

export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}

/** Rows of the first dimension: views of the output, which nothing else holds, so they may be changed. */
export function rowsOf(tensor: Tensor, rows: number): Float32Array[] {
  const values = toFloats(tensor);
  const size = values.length / rows;
  if (!Number.isInteger(size)) {
    throw new ServingError(
      'MODEL_UNAVAILABLE',
      `output ${tensor.name}: expected ${rows} rows, got shape [${tensor.shape.join(', ')}]`,
    );
  }
  return Array.from({ length: rows }, (_, row) => values.subarray(row * size, (row + 1) * size));
}
