import { ServingError } from '../errors.ts';
import { quote } from './fields.ts';
import type { Tensor } from './tensor.ts';

/**
 * Triton's classification extension: the `count` highest values of each row as `value:index[:label]`.
 * A row is what one element of the first dimension holds; a tensor of fewer than two dimensions is one row.
 *
 * @returns BYTES of shape `[rows, n]`, or `[n]` for one row without a first dimension, with n = min(count, length of
 * a row); the tensor itself when `count` is 0
 * @throws ServingError INVALID_REQUEST for datatypes without an order
 */
export function classify(tensor: Tensor, count: number, labels: readonly string[]): Tensor {
  if (count === 0) return tensor;
  const { name, datatype, shape, data } = tensor;
  if (datatype === 'BYTES' || datatype === 'FP16') {
    throw new ServingError(
      'INVALID_REQUEST',
      `outputs ${quote(name)}: classification is not supported for ${datatype}`,
    );
  }
  const rows = shape.length < 2 ? 1 : (shape[0] ?? 1);
  const length = rows === 0 ? 0 : data.length / rows;
  const kept = Math.min(count, length);
  const elements: string[] = [];
  for (let row = 0; row < rows; row++) {
    const values = data.slice(row * length, (row + 1) * length);
    for (const index of highest(values, kept)) {
      const label = labels[index];
      elements.push(`${values[index]}:${index}${label === undefined ? '' : `:${label}`}`);
    }
  }
  return {
    name,
    datatype: 'BYTES',
    shape: shape.length < 2 ? [kept] : [rows, kept],
    data: elements,
  };
}

/** Indices of the highest values, descending; equal values in their order, NaN last. */
function highest(values: ArrayLike<number | bigint | string>, count: number): number[] {
  const indices = Array.from({ length: values.length }, (_, index) => index);
  return indices
    .sort((left, right) => compareDescending(values[left], values[right]))
    .slice(0, count);
}

function compareDescending(
  left: number | bigint | string | undefined,
  right: number | bigint | string | undefined,
): number {
  if (left === undefined || Number.isNaN(left)) return Number.isNaN(right) ? 0 : 1;
  if (right === undefined || Number.isNaN(right)) return -1;
  return left > right ? -1 : left < right ? 1 : 0;
}
