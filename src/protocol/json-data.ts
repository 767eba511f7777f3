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
 * @param count the product of `shape`
 * @param open what says which elements fit
 * @throws ServingError INVALID_REQUEST whose field is the path of the first element that does not fit
 */
export function parseJsonData(
  value: unknown,
  datatype: Datatype,
  shape: readonly number[],
  count: number,
  field: string,
  open = openFiller,
): TensorData {
  if (!Array.isArray(value)) throw invalidRequest(field, 'an array', describe(value));
  const nested = shape.length > 1 && Array.isArray(value[0]);
  const rows = nested ? collectRows(value, shape, field) : [flatRow(value, shape, count, field)];
  const { target, fillRow, expected } = open(datatype, count);
  let offset = 0;
  for (const row of rows) {
    const bad = fillRow(row, offset);
    if (bad >= 0) {
      const path = nested ? indexPath(offset + bad, shape) : `[${bad}]`;
      throw invalidRequest(field + path, expected, describe(row[bad]));
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
  let rows: readonly Row[] = [data];
  checkLengths(rows, shape, 0, field);
  for (let axis = 1; axis < shape.length; axis++) {
    rows = innerRows(rows, shape.slice(0, axis), field);
    checkLengths(rows, shape, axis, field);
  }
  return rows;
}

function checkLengths(
  rows: readonly Row[],
  shape: readonly number[],
  axis: number,
  field: string,
): void {
  const length = shape[axis];
  const bad = rows.findIndex((row) => row.length !== length);
  if (bad < 0) return;
  throw invalidRequest(
    field + indexPath(bad, shape.slice(0, axis)),
    `${length} elements as the shape ${formatShape(shape)} says`,
    `${rows[bad]?.length}`,
  );
}

/** @param shape the dimensions that `rows` have together: how many there are, and each one's length */
function innerRows(rows: readonly Row[], shape: readonly number[], field: string): readonly Row[] {
  const inner: Row[] = [];
  for (const row of rows) {
    for (const element of row) {
      if (!Array.isArray(element)) {
        const path = indexPath(inner.length, shape);
        throw invalidRequest(field + path, 'an array', describe(element));
      }
      inner.push(element);
    }
  }
  return inner;
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
