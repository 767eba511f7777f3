import { invalidRequest } from '../../errors.ts';
import { is64BitInteger } from '../../protocol/datatype.ts';
import { describe, quote } from '../../protocol/fields.ts';
import { tableShape } from '../../protocol/formats/csv.ts';
import { fitShape } from '../../protocol/formats/fit-shape.ts';
import { openFiller } from '../../protocol/json-fill.ts';
import { countElements, formatShape } from '../../protocol/shape.ts';
import type { Tensor, TensorData, TensorMetadata } from '../../protocol/tensor.ts';
import type { RecordContent } from '../source-record.ts';
import { toNumbers } from './table-row.ts';

/** A row of a table. */
export type TableRowContent = Extract<RecordContent, { readonly kind: 'row' }>;

/**
 * Rows of a table as tensors: for a model of one input the column of its name, or else all columns in their order; for one of
 * several inputs the column of each name. For floats, as in CSV and arrays, null is a missing value and so NaN, and NaN and
 * the infinities are themselves.
 *
 * @throws ServingError INVALID_REQUEST that names the column
 */
export function tableTensors(
  rows: readonly TableRowContent[],
  inputs: readonly TensorMetadata[],
): readonly Tensor[] {
  const [first] = rows;
  const [sole, ...others] = inputs;
  if (first === undefined || sole === undefined) return [];
  if (others.length === 0 && !Object.hasOwn(first.row, sole.name)) {
    return [tensorOfColumns(rows, first.features, sole)];
  }
  return inputs.map((input) => {
    if (Object.hasOwn(first.row, input.name)) return tensorOfColumns(rows, [input.name], input);
    const names = Object.keys(first.row).map(quote).join(', ');
    throw invalidRequest('row', `a column ${quote(input.name)}`, names);
  });
}

function tensorOfColumns(
  rows: readonly TableRowContent[],
  columns: readonly string[],
  input: TensorMetadata,
): Tensor {
  const [column] = columns;
  const exact = is64BitInteger(input.datatype);
  const valuesOf = ({ row }: TableRowContent) =>
    columns.map((name) => (exact ? row[name] : toNumbers(row[name])) ?? null);
  if (column !== undefined && columns.length === 1 && Array.isArray(rows[0]?.row[column])) {
    return tensorOfLists(rows.flatMap(valuesOf), column, input);
  }
  const width = columns.length;
  const { name, datatype, shape: wanted } = input;
  refuseColumnCount(columns, input);
  const values = openValues(input, rows.length * width);
  // Of one column that may have lists, null is no single number.
  const takesNull = width > 1 || wanted.length === 1 || wanted[1] === 1;
  for (const [index, row] of rows.entries()) {
    const cells = valuesOf(row);
    const bad = takesNull || cells[0] !== null ? values.fill(cells, index * width) : 0;
    if (bad < 0) continue;
    throw invalidRequest(
      `column ${quote(columns[bad] ?? '')}`,
      values.expected,
      describe(cells[bad]),
    );
  }
  return { name, datatype, shape: tableShape(rows.length, width, input), data: values.data };
}

/** @throws ServingError INVALID_REQUEST for an input of rows of another length, with the names of the columns that came */
export function refuseColumnCount(
  columns: readonly string[],
  { name, shape }: TensorMetadata,
): void {
  const [, wanted = -1] = shape;
  if (shape.length !== 2 || wanted < 0 || wanted === columns.length) return;
  const expected = `${wanted} ${wanted === 1 ? 'column' : 'columns'} for ${formatShape(shape)} of input ${quote(name)}`;
  const shown = columns.slice(0, shownColumns).map(quote).join(', ');
  const more = columns.length > shownColumns ? ', ...' : '';
  throw invalidRequest('row', expected, `${columns.length}: ${shown}${more}`);
}

const shownColumns = 20;

/** A column of vectors, or of more dimensions, all of the same lengths. */
function tensorOfLists(lists: readonly unknown[], column: string, input: TensorMetadata): Tensor {
  const field = `column ${quote(column)}`;
  const lengths: number[] = [];
  for (let inner = lists[0]; Array.isArray(inner); inner = inner[0]) lengths.push(inner.length);
  const shape = fitShape([lists.length, ...lengths], input, field);
  const flat: unknown[] = [];
  for (const list of lists) flatten(list, lengths, field, flat);
  const values = openValues(input, countElements(shape, field));
  const bad = values.fill(flat, 0);
  if (bad < 0) return { name: input.name, datatype: input.datatype, shape, data: values.data };
  throw invalidRequest(
    `${field}[${bad % (flat.length / lists.length)}]`,
    values.expected,
    describe(flat[bad]),
  );
}

function flatten(value: unknown, lengths: readonly number[], field: string, into: unknown[]): void {
  const [length, ...inner] = lengths;
  if (length === undefined) {
    into.push(value);
    return;
  }
  if (!Array.isArray(value) || value.length !== length) {
    throw invalidRequest(field, `an array of ${length} elements`, describe(value));
  }
  for (const element of value) flatten(element, inner, field, into);
}

interface Values {
  readonly data: TensorData;
  readonly expected: string;
  /** The position of the first cell that does not fit, or -1. */
  readonly fill: (cells: readonly unknown[], offset: number) => number;
}

/** @throws ServingError INVALID_REQUEST for FP16 */
function openValues({ name, datatype }: TensorMetadata, count: number): Values {
  if (datatype === 'FP16') {
    throw invalidRequest('row', `float16 of .npy for input ${quote(name)} of FP16`, 'columns');
  }
  if (datatype === 'FP32' || datatype === 'FP64') {
    const data = datatype === 'FP32' ? new Float32Array(count) : new Float64Array(count);
    const expected = `a number in the range of ${datatype}`;
    return { data, expected, fill: (cells, offset) => fillFloats(data, cells, offset) };
  }
  const { target, expected, fillRow } = openFiller(datatype, count);
  return { data: target, expected, fill: fillRow };
}

function fillFloats(
  target: Float32Array | Float64Array,
  cells: readonly unknown[],
  offset: number,
): number {
  for (let index = 0; index < cells.length; index++) {
    const value = cells[index] === null ? Number.NaN : cells[index];
    if (typeof value !== 'number') return index;
    target[offset + index] = value;
    // A number beyond FP32 is a mistake, an infinity is one already.
    if (Number.isFinite(value) && !Number.isFinite(target[offset + index])) return index;
  }
  return -1;
}
