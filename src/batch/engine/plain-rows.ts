import { type Filler, openFiller } from '../../protocol/json-fill.ts';
import type { Tensor, TensorData, TensorMetadata } from '../../protocol/tensor.ts';
import { csvFields } from '../sources/csv-fields.ts';
import type { LineBlock } from '../sources/line-block.ts';
import { skipSpace } from './json-places.ts';
import { ListReader } from './list-reader.ts';
import { NumberScanner } from './number-scanner.ts';

/*
 * Lines of numbers as tensors, straight from their bytes: no string, array or object for a line or a cell. What is not
 * as plain as that is left to the readers of everything that JSON and CSV can be, which also know what to say of errors.
 */

const comma = 0x2c;
const openBracket = 0x5b;
const quote = 0x22;

/** Where a column's cells go. */
interface NumberColumn {
  readonly kind: 'numbers';
  readonly filler: Filler;
  /** Elements of a line, and which of them this is. */
  readonly stride: number;
  readonly place: number;
  /** Whether values are rounded to FP32. */
  readonly single: boolean;
  /** Whether an empty cell is a missing value, and a number may be written in any way. */
  readonly isFloat: boolean;
}

interface TextColumn {
  readonly kind: 'texts';
  readonly texts: string[];
}

/** undefined: no input takes it. */
type Column = NumberColumn | TextColumn | undefined;

/**
 * Lines of CSV: the table as a whole for one input, a column by its name for each of several.
 *
 * @returns undefined when another reader has to look
 */
export function plainCsvTensors(
  header: string,
  lines: LineBlock,
  inputs: readonly TensorMetadata[],
): readonly Tensor[] | undefined {
  const names = csvFields(header);
  const [sole] = inputs;
  if (names === undefined || sole === undefined) return undefined;
  const rows = lines.starts.length;
  if (inputs.length === 1) {
    if (!takesColumns(sole, names.length)) return undefined;
    const column = openColumn(sole, rows, names.length);
    if (column === undefined) return undefined;
    const columns = names.map(
      (_, place): Column => (column.kind === 'numbers' ? { ...column, place } : column),
    );
    return fillCells(lines, columns)
      ? [tensorOf(sole, rows, names.length, dataOf(column))]
      : undefined;
  }
  const columns = names.map((): Column => undefined);
  for (const input of inputs) {
    const index = names.indexOf(input.name);
    const column = takesColumns(input, 1) ? openColumn(input, rows, 1) : undefined;
    if (index < 0 || column === undefined) return undefined;
    columns[index] = column;
  }
  if (!fillCells(lines, columns)) return undefined;
  return inputs.flatMap((input) => {
    const column = columns[names.indexOf(input.name)];
    return column === undefined ? [] : [tensorOf(input, rows, 1, dataOf(column))];
  });
}

/**
 * Lines of JSON for a model of one input: each a number, or a list of them.
 *
 * @returns undefined when another reader has to look
 */
export function plainJsonTensors(
  lines: LineBlock,
  inputs: readonly TensorMetadata[],
): readonly Tensor[] | undefined {
  const [sole] = inputs;
  if (sole === undefined || inputs.length > 1) return undefined;
  const { bytes, starts, ends } = lines;
  const isList = bytes[starts[0] ?? 0] === openBracket;
  if (sole.shape.length !== (isList ? 2 : 1)) return undefined;
  const width = isList ? (sole.shape[1] ?? -1) : 1;
  const count = width < 0 ? countCommas(lines, 0) + 1 : width;
  const column = openColumn(sole, starts.length, count);
  if (column?.kind !== 'numbers') return undefined;
  const scanner = new NumberScanner();
  const { single, filler } = column;
  const list = isList ? new ListReader(scanner, filler, count) : undefined;
  for (let row = 0; row < starts.length; row++) {
    const start = starts[row] ?? 0;
    const place =
      list === undefined
        ? readNumber(scanner, bytes, start, single, filler, row)
        : list.read(bytes, start, row);
    if (place < 0 || skipSpace(bytes, place) !== ends[row]) return undefined;
  }
  return [tensorOf(sole, starts.length, count, column.filler.target)];
}

/** A number by itself, as `ListReader` reads several. */
function readNumber(
  scanner: NumberScanner,
  bytes: Uint8Array,
  start: number,
  single: boolean,
  filler: Filler,
  row: number,
): number {
  const value = scanner.scan(bytes, skipSpace(bytes, start), single);
  return Number.isNaN(value) || filler.fillRow([value], row) >= 0 ? -1 : scanner.end;
}

function countCommas({ bytes, starts, ends }: LineBlock, line: number): number {
  let commas = 0;
  for (let place = starts[line] ?? 0; place < (ends[line] ?? 0); place++) {
    if (bytes[place] === comma) commas++;
  }
  return commas;
}

/** Whether an input takes rows of so many columns. */
function takesColumns({ shape }: TensorMetadata, columns: number): boolean {
  if (shape.length === 1) return columns === 1;
  return shape.length === 2 && (shape[1] === -1 || shape[1] === columns);
}

function fillCells({ bytes, starts, ends }: LineBlock, columns: readonly Column[]): boolean {
  const scanner = new NumberScanner();
  for (let row = 0; row < starts.length; row++) {
    const end = ends[row] ?? 0;
    let place = starts[row] ?? 0;
    for (let index = 0; index < columns.length; index++) {
      const column = columns[index];
      if (index > 0 && bytes[place++] !== comma) return false;
      if (column?.kind === 'numbers') {
        const element = row * column.stride + column.place;
        place = skipSpace(bytes, place);
        if (column.isFloat && columns.length > 1 && (bytes[place] === comma || place === end)) {
          column.filler.target[element] = Number.NaN;
          continue;
        }
        const number = scanner.scan(bytes, place, column.single);
        if (Number.isNaN(number)) return false;
        // Beyond FP32 it is an infinity, as for any reader of CSV.
        if (column.isFloat) column.filler.target[element] = number;
        else if (!scanner.isWhole || column.filler.fillRow([number], element) >= 0) return false;
        place = skipSpace(bytes, scanner.end);
      } else {
        const behind = endOfText(bytes, place, end);
        if (behind < 0) return false;
        column?.texts.push(textOf(bytes, place, behind));
        place = behind;
      }
    }
    if (place !== end) return false;
  }
  return true;
}

/** Place behind a cell of ASCII without quotes; -1 for one of another kind. */
function endOfText(bytes: Uint8Array, start: number, end: number): number {
  for (let place = start; place < end; place++) {
    const byte = bytes[place] ?? 0;
    if (byte === comma) return place;
    if (byte === quote || byte >= 0x80) return -1;
  }
  return end;
}

function textOf(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start)
    .toString('latin1')
    .trim();
}

function openColumn(
  { datatype }: TensorMetadata,
  rows: number,
  width: number,
): NumberColumn | TextColumn | undefined {
  if (datatype === 'BYTES') return { kind: 'texts', texts: [] };
  if (datatype === 'BOOL' || datatype === 'FP16') return undefined;
  const filler = openFiller(datatype, rows * width);
  const single = datatype === 'FP32';
  const isFloat = single || datatype === 'FP64';
  return { kind: 'numbers', filler, stride: width, place: 0, single, isFloat };
}

function dataOf(column: NumberColumn | TextColumn): TensorData {
  return column.kind === 'numbers' ? column.filler.target : column.texts;
}

function tensorOf(
  { name, datatype, shape: dimensions }: TensorMetadata,
  rows: number,
  width: number,
  data: TensorData,
): Tensor {
  return { name, datatype, shape: dimensions.length === 1 ? [rows] : [rows, width], data };
}
