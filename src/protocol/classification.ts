import { ServingError } from '../errors.ts';
import { quote } from './fields.ts';
import { formatFloat32 } from './float32-text.ts';
import { halfToNumber } from './half.ts';
import type { Tensor, TensorData } from './tensor.ts';

/**
 * Triton's classification extension: the `count` highest values of each row as `value:index[:label]`, highest first,
 * equal values in their order, NaN last. A row is what one element of the first dimension holds; a tensor of fewer
 * than two dimensions is one row.
 *
 * @param count how many to keep of each row, at most all; 0 for the tensor itself
 * @returns BYTES of shape `[rows, n]`, or `[n]` where the tensor has no two dimensions
 * @throws ServingError INVALID_REQUEST for BYTES, which has no order
 */
export function classify(tensor: Tensor, count: number, labels: readonly string[]): Tensor {
  if (count === 0) return tensor;
  const { name, datatype, shape, data } = tensor;
  if (datatype === 'BYTES') {
    throw new ServingError(
      'INVALID_REQUEST',
      `output ${quote(name)}: classification is not supported for BYTES`,
    );
  }
  const values = datatype === 'FP16' ? Float32Array.from(data as Uint16Array, halfToNumber) : data;
  const rows = shape.length < 2 ? 1 : (shape[0] ?? 1);
  const length = rows === 0 ? 0 : values.length / rows;
  const kept = Math.min(count, length);
  const elements: string[] = [];
  for (let row = 0; row < rows; row++) {
    for (const index of highest(values, row * length, length, kept)) {
      const label = labels[index];
      const value = formatValue(values, row * length + index);
      elements.push(label === undefined ? `${value}:${index}` : `${value}:${index}:${label}`);
    }
  }
  return {
    name,
    datatype: 'BYTES',
    shape: shape.length < 2 ? [kept] : [rows, kept],
    data: elements,
  };
}

function formatValue(values: TensorData, index: number): string {
  return values instanceof Float32Array ? formatFloat32(values[index] ?? 0) : `${values[index]}`;
}

/** Positions within a row of its highest values. Sorting only what is kept makes one pass enough for a top five. */
function highest(values: TensorData, start: number, length: number, count: number): number[] {
  const above = (left: number, right: number) =>
    ranksAbove(values[start + left], values[start + right]);
  if (count > insertionLimit) {
    return Array.from({ length }, (_, index) => index)
      .sort((left, right) => (above(left, right) ? -1 : above(right, left) ? 1 : 0))
      .slice(0, count);
  }
  const kept: number[] = [];
  for (let index = 0; index < length; index++) {
    if (kept.length === count && !above(index, kept.at(-1) ?? 0)) continue;
    if (kept.length === count) kept.pop();
    let place = kept.length;
    while (place > 0 && above(index, kept[place - 1] ?? 0)) place--;
    kept.splice(place, 0, index);
  }
  return kept;
}

/** Beyond as many, insertion costs more than sorting the row. */
const insertionLimit = 64;

type Value = number | bigint | string | undefined;

function ranksAbove(left: Value, right: Value): boolean {
  if (left === undefined || right === undefined || Number.isNaN(left)) return false;
  return Number.isNaN(right) || left > right;
}
