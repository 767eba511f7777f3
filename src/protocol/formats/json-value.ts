import { parseJsonData } from '../json-data.ts';
import { openFiller } from '../json-fill.ts';
import { countElements, maximumRank } from '../shape.ts';
import type { Tensor, TensorMetadata } from '../tensor.ts';
import { fitShape } from './fit-shape.ts';

/**
 * A JSON value of numbers, strings or booleans, nested or not, as the tensor that an input takes; numbers are
 * rounded to FP16 as to FP32: a row has no datatype of its own, which the protocol's JSON has.
 *
 * @param open what says which elements fit
 * @throws ServingError INVALID_REQUEST
 */
export function tensorOfValue(
  value: unknown,
  input: TensorMetadata,
  field: string,
  open = openFiller,
): Tensor {
  const { name, datatype } = input;
  const observed = observeShape(value);
  const shape = fitShape(observed, input, field);
  const data = parseJsonData(
    alignNesting(value, observed, shape),
    datatype,
    shape,
    countElements(shape, field),
    field,
    open,
  );
  return { name, datatype, shape, data };
}

/** The lengths of the first array at each depth: `parseJsonData` holds all others against them. */
function observeShape(value: unknown): readonly number[] {
  const shape: number[] = [];
  let inner = value;
  while (Array.isArray(inner) && shape.length <= maximumRank) {
    shape.push(inner.length);
    inner = inner[0];
  }
  return shape;
}

/** The value with as many brackets as the shape has dimensions, or with one pair for flat data. */
function alignNesting(
  value: unknown,
  observed: readonly number[],
  shape: readonly number[],
): unknown {
  if (!Array.isArray(value)) return [value];
  if (observed.length <= 1) return value;
  if (observed.length < shape.length) return [value];
  return observed.length > shape.length ? value[0] : value;
}
