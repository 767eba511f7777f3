import { type ElementsText, elementsText } from '../json-text.ts';
import type { Tensor } from '../tensor.ts';

/** A tensor as nested JSON arrays; a scalar as its value. @throws as `elementsText` */
export function toNestedJson(tensor: Tensor): string {
  const { shape } = tensor;
  return nest(elementsText(tensor), shape, stridesOf(shape), 0, 0);
}

/** The JSON of each row of a tensor that has a first dimension. @throws as `elementsText` */
export function toNestedRows(tensor: Tensor, advice?: string): readonly string[] {
  const { shape } = tensor;
  const elements = elementsText(tensor, advice);
  const strides = stridesOf(shape);
  const [stride = 1] = strides;
  return Array.from({ length: shape[0] ?? 0 }, (_, row) =>
    nest(elements, shape, strides, 1, row * stride),
  );
}

/** How many elements one step along each dimension is. */
function stridesOf(shape: readonly number[]): readonly number[] {
  const strides: number[] = [];
  let stride = 1;
  for (const length of shape.toReversed()) {
    strides.unshift(stride);
    stride *= length;
  }
  return strides;
}

function nest(
  elements: ElementsText,
  shape: readonly number[],
  strides: readonly number[],
  axis: number,
  start: number,
): string {
  if (axis === shape.length) return elements(start, start + 1);
  const length = shape[axis] ?? 0;
  if (axis === shape.length - 1) return `[${elements(start, start + length)}]`;
  const stride = strides[axis] ?? 0;
  const parts = Array.from({ length }, (_, index) =>
    nest(elements, shape, strides, axis + 1, start + index * stride),
  );
  return `[${parts.join(',')}]`;
}
