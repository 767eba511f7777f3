import { invalidRequest, ServingError } from '../../errors.ts';
import { bodyText } from '../body.ts';
import type { EncodedBody } from '../encode-tensor.ts';
import { quote } from '../fields.ts';
import { soleInput } from '../raw-request.ts';
import { countElements, formatShape } from '../shape.ts';
import type { Tensor, TensorMetadata } from '../tensor.ts';
import { cellText, parseCells, quoteCell } from './cells.ts';
import { fitShape } from './fit-shape.ts';
import {
  type Answer,
  type BodyFormat,
  bareRequest,
  type DecodeContext,
  type Invocation,
} from './format.ts';
import { requireRows } from './rows.ts';

/**
 * One row a line. Without a header the columns are the features of the model's only input. With
 * `text/csv; header=present` (RFC 4180) the first line names the columns: for a model with several inputs, as
 * scikit-learn's exporters make them of a data frame, each input is the column of its name.
 * Answered by a line for each row, with the columns of all outputs side by side; with names when names came.
 */
export const csvFormat: BodyFormat = { mediaTypes: ['text/csv'], decode, encode };

async function decode(
  body: Uint8Array | string,
  { inputs, parameters, maximumTextBytes }: DecodeContext,
): Promise<Invocation> {
  const lines = await parseLines(bodyText(body, 'CSV', maximumTextBytes));
  const withHeader = parameters.get('header') === 'present';
  const names = withHeader ? (lines[0] ?? []) : undefined;
  const rows = withHeader ? lines.slice(1) : lines;
  if (rows.length === 0) throw invalidRequest('body', 'at least one row of CSV', 'none');
  const tensors =
    names !== undefined && inputs.length > 1
      ? inputs.map((input) => tensorOfColumn(rows, names, input))
      : [tensorOfTable(rows, soleInput(inputs))];
  return { request: bareRequest(tensors), layout: 'rows', withHeader };
}

async function parseLines(text: string): Promise<readonly (readonly string[])[]> {
  // Loaded when the first CSV comes: most environments never see one, and start the sooner.
  const { CsvError, parse } = await import('csv-parse/sync');
  try {
    return parse(text, { bom: true, skip_empty_lines: true, trim: true });
  } catch (cause) {
    // The library's messages tell the line and what is wrong with it, from the caller's own data.
    const got = cause instanceof CsvError ? quote(cause.message) : 'text that is not';
    throw new ServingError('INVALID_REQUEST', `body: expected CSV, got ${got}`, { cause });
  }
}

function tensorOfTable(rows: readonly (readonly string[])[], input: TensorMetadata): Tensor {
  const columns = rows[0]?.length ?? 0;
  const shape = tableShape(rows.length, columns, input);
  const data = parseCells(
    rows.flat(),
    input.datatype,
    (place) => `rows[${Math.floor(place / columns)}][${place % columns}]`,
  );
  if (countElements(shape, 'body') === data.length) {
    return { name: input.name, datatype: input.datatype, shape, data };
  }
  throw invalidRequest(
    'body',
    `${countElements(shape, 'body')} cells for ${formatShape(shape)} of input ${quote(input.name)}`,
    `${data.length}`,
  );
}

/**
 * The shape of so many rows and columns of an input's values: rows of features that the model wants in more dimensions keep
 * their number.
 *
 * @throws ServingError INVALID_REQUEST
 */
export function tableShape(
  rows: number,
  columns: number,
  input: TensorMetadata,
): readonly number[] {
  if (input.shape.length === 2) return [rows, columns];
  const shape = fitShape([rows * columns], input, 'body');
  const single = input.shape.length === 1 && (rows === 1 || columns === 1);
  if (single || shape[0] === rows) return shape;
  throw invalidRequest(
    'body',
    `each row to be one of ${formatShape(input.shape)} for input ${quote(input.name)}`,
    `${rows} rows of ${columns} columns`,
  );
}

function tensorOfColumn(
  rows: readonly (readonly string[])[],
  names: readonly string[],
  input: TensorMetadata,
): Tensor {
  const { name, datatype } = input;
  const column = names.indexOf(name);
  if (column < 0) {
    throw invalidRequest('rows[0]', `a column ${quote(name)}`, names.map(quote).join(', '));
  }
  const cells = rows.map((row) => row[column] ?? '');
  const data = parseCells(cells, datatype, (place) => `rows[${place + 1}][${column}]`);
  return {
    name,
    datatype,
    shape: input.shape.length === 1 ? [rows.length] : [rows.length, 1],
    data,
  };
}

function encode({ response, invocation }: Answer): EncodedBody {
  const { outputs } = response;
  const { withHeader } = invocation;
  const rows = requireRows(outputs, 'text/csv');
  const columns = outputs.map((output) => ({
    output,
    width: rows === 0 ? 0 : output.data.length / rows,
  }));
  const lines: string[] = [];
  if (withHeader) {
    lines.push(columns.flatMap(({ output, width }) => columnNames(output.name, width)).join(','));
  }
  for (let row = 0; row < rows; row++) {
    const cells: string[] = [];
    for (const { output, width } of columns) {
      for (let place = row * width; place < (row + 1) * width; place++) {
        cells.push(quoteCell(cellText(output, place)));
      }
    }
    lines.push(cells.join(','));
  }
  const body = lines.map((line) => `${line}\n`).join('');
  return {
    body,
    headers: { 'content-type': withHeader ? 'text/csv; header=present' : 'text/csv' },
  };
}

/** `y`, or `y[0]`, `y[1]`, ... for an output of several columns. */
function columnNames(name: string, width: number): readonly string[] {
  if (width === 1) return [quoteCell(name)];
  return Array.from({ length: width }, (_, index) => quoteCell(`${name}[${index}]`));
}
