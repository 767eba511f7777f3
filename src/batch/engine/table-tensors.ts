import { invalidRequest } from '../../errors.ts';
import { is64BitInteger } from '../../protocol/datatype.ts';
import { describe, quote } from '../../protocol/fields.ts';
import { tableShape } from '../../protocol/formats/csv.ts';
import { tensorOfValue } from '../../protocol/formats/json-value.ts';
import { halfOf, halfToNumber } from '../../protocol/half.ts';
import { type Filler, openFiller } from '../../protocol/json-fill.ts';
import { formatShape } from '../../protocol/shape.ts';
import type { Datatype, Tensor, TensorData, TensorMetadata } from '../../protocol/tensor.ts';
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
  const { name, datatype, shape: wanted } = input;
  const [column] = columns;
  const exact = is64BitInteger(datatype);
  const valuesOf = ({ row }: TableRowContent) =>
    columns.map((name) => toNumbers(row[name], exact) ?? null);
  if (column !== undefined && columns.length === 1 && Array.isArray(rows[0]?.row[column])) {
    // Vectors, or of more dimensions, all of the same lengths.
    return tensorOfValue(rows.flatMap(valuesOf), input, `column ${quote(column)}`, openTableFiller);
  }
  const width = columns.length;
  refuseColumnCount(columns, input);
  const { target, fillRow, expected } = openTableFiller(datatype, rows.length * width);
  // Of one column that may have lists, null is no single number.
  const takesNull = width > 1 || wanted.length === 1 || wanted[1] === 1;
  for (const [index, row] of rows.entries()) {
    const cells = valuesOf(row);
    const bad = takesNull || cells[0] !== null ? fillRow(cells, index * width) : 0;
    if (bad < 0) continue;
    throw invalidRequest(`column ${quote(columns[bad] ?? '')}`, expected, describe(cells[bad]));
  }
  return { name, datatype, shape: tableShape(rows.length, width, input), data: target };
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

/** As the filler of JSON, but for floats: there null is NaN, and NaN and the infinities are themselves. */
function openTableFiller(datatype: Datatype, count: number): Filler {
  const filler = openFiller(datatype, count);
  const write = floatWriter(datatype, filler.target);
  if (write === undefined) return filler;
  return { ...filler, fillRow: (cells, offset) => fillFloats(write, cells, offset) };
}

/** Writes a number as one of a datatype, and gives back what it has become; undefined for what is no float. */
type FloatWriter = (place: number, value: number) => number;

function floatWriter(datatype: Datatype, target: TensorData): FloatWriter | undefined {
  if (target instanceof Float32Array || target instanceof Float64Array) {
    return (place, value) => {
      target[place] = value;
      return target[place] ?? 0;
    };
  }
  if (datatype !== 'FP16' || !(target instanceof Uint16Array)) return undefined;
  return (place, value) => {
    const bits = halfOf(value);
    target[place] = bits;
    return halfToNumber(bits);
  };
}

function fillFloats(write: FloatWriter, cells: readonly unknown[], offset: number): number {
  for (let index = 0; index < cells.length; index++) {
    const value = cells[index] === null ? Number.NaN : cells[index];
    if (typeof value !== 'number') return index;
    const written = write(offset + index, value);
    // A number beyond FP32 or FP16 is a mistake, an infinity is one already.
    if (Number.isFinite(value) && !Number.isFinite(written)) return index;
  }
  return -1;
}
