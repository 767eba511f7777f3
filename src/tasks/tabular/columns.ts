import { invalidRequest } from '../../errors.ts';
import type { ColumnConfiguration } from '../../models/task/tabular.ts';
import { quote } from '../../protocol/fields.ts';
import type { Tensor, TensorMetadata } from '../../protocol/tensor.ts';
import {
  misconfigured,
  pickInput,
  requireAllFed,
  requireDatatype,
  requireDimension,
  requireRank,
} from '../binding.ts';
import type { PredictInput, Row, TaskModel } from '../predictor.ts';
import { fromFloats } from '../tensors.ts';

/** One row's values for each column: numbers (one or, one-hot, several) or text. */
export type EncodedRow = readonly (readonly number[] | string)[];

export interface RowEncoder {
  /** @throws ServingError INVALID_REQUEST that names the column */
  encode(input: PredictInput): EncodedRow;
  stack(rows: readonly EncodedRow[]): Tensor[];
}

/** Which columns an input of the model takes, in order. */
interface BoundInput {
  readonly metadata: TensorMetadata;
  readonly columns: readonly number[];
  /** Values a row. */
  readonly width: number;
}

/** @throws ServingError MODEL_UNAVAILABLE when the columns do not fit the model's inputs */
export function createRowEncoder(
  columns: readonly ColumnConfiguration[],
  model: TaskModel,
): RowEncoder {
  const inputs = bindColumns(columns, model);
  const names = new Set(columns.map((column) => column.name));
  return {
    encode(input) {
      if (input.kind !== 'row') throw invalidRequest('input', 'a row', input.kind);
      const unknown = Object.keys(input.row).find((name) => !names.has(name));
      if (unknown !== undefined) {
        throw invalidRequest('row', `columns ${[...names].join(', ')}`, `column ${quote(unknown)}`);
      }
      return columns.map((column) => encodeColumn(column, input.row));
    },
    stack: (rows) => inputs.map((input) => stackInput(input, rows)),
  };
}

function bindColumns(columns: readonly ColumnConfiguration[], model: TaskModel): BoundInput[] {
  const byName = new Map<string, number[]>();
  for (const [index, column] of columns.entries()) {
    const { name } = pickInput(model, `columns[${index}].input`, column.input);
    byName.set(name, [...(byName.get(name) ?? []), index]);
  }
  requireAllFed(model, [...byName.keys()]);
  return [...byName].map(([name, indices]) => {
    const metadata = pickInput(model, 'columns', name);
    const own = indices.flatMap((index) => columns[index] ?? []);
    const width = own.reduce((sum, column) => sum + widthOf(column), 0);
    requireRank(model, 'columns', metadata, [['rows', 'columns'], ['rows']]);
    const text = own.some((column) => column.type === 'string');
    if (text && own.length > 1 && own.some((column) => column.type !== 'string')) {
      throw misconfigured(
        model,
        'columns',
        `columns of one kind for input ${name}`,
        'text and numbers',
      );
    }
    requireDatatype(
      model,
      'columns',
      metadata,
      text ? ['BYTES'] : ['FP32', 'FP64', 'FP16', 'INT64', 'INT32'],
    );
    if (metadata.shape.length === 2) requireDimension(model, 'columns', metadata, 1, width);
    return { metadata, columns: indices, width };
  });
}

function widthOf(column: ColumnConfiguration): number {
  return column.type === 'category' && column.encoding === 'one-hot' ? column.categories.length : 1;
}

function stackInput(input: BoundInput, rows: readonly EncodedRow[]): Tensor {
  const { name, datatype } = input.metadata;
  const shape =
    input.metadata.shape.length === 1 ? [rows.length * input.width] : [rows.length, input.width];
  if (datatype === 'BYTES') {
    const data = rows.flatMap((row) => input.columns.map((index) => String(row[index] ?? '')));
    return { name, datatype, shape, data };
  }
  const values = Float64Array.from(
    rows.flatMap((row) =>
      input.columns.flatMap((index) => {
        const value = row[index];
        return typeof value === 'object' ? value : [];
      }),
    ),
  );
  if (datatype === 'FP64') return { name, datatype, shape, data: values };
  return fromFloats(name, datatype, shape, Float32Array.from(values));
}

/** A value that is not there: not given, null, or an empty field of a CSV file. */
function isMissing(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}

function encodeColumn(column: ColumnConfiguration, row: Row): readonly number[] | string {
  // What every object inherits is no value of a column that is called so.
  let value = Object.hasOwn(row, column.name) ? row[column.name] : undefined;
  if (isMissing(value)) {
    if (column.missing === 'refuse') {
      throw invalidRequest(`column ${column.name}`, describe(column), 'no value');
    }
    if (column.missing === 'nan') {
      return column.type === 'string' ? '' : Array(widthOf(column)).fill(Number.NaN);
    }
    value = column.missing.value;
  }
  switch (column.type) {
    case 'string':
      if (typeof value === 'string') return value;
      throw mismatch(column, value);
    case 'number':
      return [numberOf(column, value)];
    case 'boolean':
      return [booleanOf(column, value)];
    case 'category':
      return categoryOf(column, value);
  }
}

/** A decimal number as text: what Number takes, without its hexadecimal, binary and empty forms. */
const decimal = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*$/;

function numberOf(column: ColumnConfiguration & { type: 'number' }, value: unknown): number {
  const number = typeof value === 'string' && decimal.test(value) ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isFinite(number)) throw mismatch(column, value);
  const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = column;
  if (number < minimum || number > maximum) throw mismatch(column, value);
  return number;
}

function booleanOf(column: ColumnConfiguration, value: unknown): number {
  const text = typeof value === 'string' ? value.trim().toLowerCase() : value;
  if (text === true || text === 1 || text === 'true' || text === '1') return 1;
  if (text === false || text === 0 || text === 'false' || text === '0') return 0;
  throw mismatch(column, value);
}

function categoryOf(
  column: ColumnConfiguration & { type: 'category' },
  value: unknown,
): readonly number[] {
  const isName = typeof value === 'string' || typeof value === 'number';
  const index = isName ? column.categories.indexOf(String(value)) : -1;
  if (index < 0 && (column.unknown === 'refuse' || !isName)) throw mismatch(column, value);
  if (column.encoding === 'ordinal') return [index];
  return column.categories.map((_, place) => (place === index ? 1 : 0));
}

function describe(column: ColumnConfiguration): string {
  switch (column.type) {
    case 'number': {
      const { minimum, maximum } = column;
      const from = minimum === undefined ? '' : ` from ${minimum}`;
      return `a number${from}${maximum === undefined ? '' : ` to ${maximum}`}`;
    }
    case 'boolean':
      return 'true or false';
    case 'string':
      return 'text';
    case 'category':
      return `one of ${column.categories.slice(0, 20).join(', ')}`;
  }
}

function mismatch(column: ColumnConfiguration, value: unknown) {
  const got = JSON.stringify(value) ?? typeof value;
  return invalidRequest(`column ${column.name}`, describe(column), got.slice(0, 100));
}
