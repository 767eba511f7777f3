import { invalidRequest } from '../errors.ts';
import { describe } from './fields.ts';
import { openFiller } from './json-fill.ts';
import { formatShape } from './shape.ts';
import type { Datatype, TensorData } from './tensor.ts';

type Row = readonly unknown[];

/**
 * The JSON form of a tensor's data, flat or nested exactly as its shape, as an array of its datatype.
 * Nothing is allocated for elements that did not come.
 *
 * @param datatype not FP16, which has no JSON form
 * @param count the product of `shape`
 * @throws ServingError INVALID_REQUEST whose field is the path of the first element that does not fit
 */
export function parseJsonData(
  value: unknown,
  datatype: Exclude<Datatype, 'FP16'>,
  shape: readonly number[],
  count: number,
  field: string,
): TensorData {
  if (!Array.isArray(value)) throw invalidRequest(field, 'an array', describe(value));
  const nested = shape.length > 1 && Array.isArray(value[0]);
  const rows = nested ? collectRows(value, shape, field) : [flatRow(value, shape, count, field)];
  const { target, fillRow, expected } = openFiller(datatype, count);
  let offset = 0;
  for (const [index, row] of rows.entries()) {
    const bad = fillRow(row, offset);
    if (bad >= 0) {
      const path = nested ? indexPath(index, shape.slice(0, -1)) : '';
      throw invalidRequest(`${field}${path}[${bad}]`, expected, describe(row[bad]));
    }
    offset += row.length;
  }
  return target;
}

function flatRow(row: Row, shape: readonly number[], count: number, field: string): Row {
  if (row.length === count) return row;
  throw invalidRequest(
    field,
    `${count} elements, the product of the shape ${formatShape(shape)}`,
    `${row.length}`,
  );
}

/** The innermost arrays in their order, after a check that every array on the way is as long as the shape says. */
function collectRows(data: Row, shape: readonly number[], field: string): readonly Row[] {
  let rows: Row[] = [data];
  for (const [axis, length] of shape.entries()) {
    const path = (index: number) => field + indexPath(index, shape.slice(0, axis));
    const inner: Row[] = [];
    for (const [index, row] of rows.entries()) {
      if (row.length !== length) {
        throw invalidRequest(
          path(index),
          `${length} elements as the shape ${formatShape(shape)} says`,
          `${row.length}`,
        );
      }
      if (axis === shape.length - 1) continue;
      for (const [position, element] of row.entries()) {
        if (!Array.isArray(element)) {
          throw invalidRequest(`${path(index)}[${position}]`, 'an array', describe(element));
        }
        inner.push(element);
      }
    }
    if (axis < shape.length - 1) rows = inner;
  }
  return rows;
}

/** `[1][0][7]` for the row-major position within `shape`. */
function indexPath(position: number, shape: readonly number[]): string {
  let path = '';
  let rest = position;
  for (const length of shape.toReversed()) {
    path = `[${rest % length}]${path}`;
    rest = Math.floor(rest / length);
  }
  return path;
}
