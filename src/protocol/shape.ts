import { invalidRequest, ServingError } from '../errors.ts';
import { parseArray, parseCount } from './fields.ts';

/** Dimensions that a tensor may have; ONNX models in use stay below ten. */
export const maximumRank = 32;

/** Elements that a tensor may have: far above what any body carries, far below what overflows. */
export const maximumElements = 2 ** 31 - 1;

/**
 * What the dimensions beside a zero may multiply to. Such a tensor carries no data that would bound them, yet an
 * operator that reduces the empty dimension away allocates their product.
 */
export const maximumElementsBesideZero = 2 ** 24;

/** The product of the dimensions; 1 for a scalar. @throws ServingError INVALID_REQUEST when it passes the limits */
export function countElements(shape: readonly number[], field: string): number {
  let product = 1;
  let empty = false;
  for (const dimension of shape) {
    if (dimension === 0) empty = true;
    else product *= dimension;
  }
  const limit = empty ? maximumElementsBesideZero : maximumElements;
  if (product > limit) {
    throw new ServingError(
      'INVALID_REQUEST',
      `${field}: expected dimensions whose product is at most ${limit}, got ${formatShape(shape)}`,
    );
  }
  return empty ? 0 : product;
}

/** A concrete shape: whole numbers of at least 0. @throws ServingError INVALID_REQUEST */
export function parseShape(value: unknown, field: string): readonly number[] {
  const dimensions = parseArray(value, field);
  if (dimensions.length > maximumRank) {
    throw invalidRequest(field, `at most ${maximumRank} dimensions`, `${dimensions.length}`);
  }
  return dimensions.map((dimension, index) => parseCount(dimension, `${field}[${index}]`));
}

/** `[1,3,224,224]` */
export function formatShape(shape: readonly number[]): string {
  return `[${shape.join(',')}]`;
}
