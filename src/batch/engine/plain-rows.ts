import { elementBytes, type FixedDatatype, viewOf } from '../../protocol/datatype.ts';
import type { Tensor, TensorData, TensorMetadata } from '../../protocol/tensor.ts';
import type { LineBlock } from '../sources/lines.ts';
import { splitCsv } from './input-text.ts';
import { NumberScanner } from './number-scanner.ts';

/*
 * Lines of numbers as tensors, straight from their bytes: no string, array or object for a line or a cell. What is not
 * as plain as that is left to the readers of everything that JSON and CSV can be, which also know what to say of errors.
 */

const comma = 0x2c;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const quote = 0x22;

/** Where a column's cells go. */
interface NumberColumn {
  readonly kind: 'numbers';
  readonly data: Exclude<TensorData, string[]>;
  /** Elements of a line, and which of them this is. */
  readonly stride: number;
  readonly place: number;
  readonly write: (value: number, place: number) => boolean;
  /** Whether values are rounded to FP32. */
  readonly single: boolean;
  /** Whether an empty cell is a missing value, and a number may be written in any way. */
  readonly isFloat: boolean;
}

interface TextColumn {
  readonly kind: 'texts';
  readonly data: string[];
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
  const names = splitCsv(header);
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
      ? [tensorOf(sole, rows, names.length, column.data)]
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
    const data = columns[names.indexOf(input.name)]?.data;
    return data === undefined ? [] : [tensorOf(input, rows, 1, data)];
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
  const { single, write } = column;
  for (let row = 0; row < starts.length; row++) {
    const end = ends[row] ?? 0;
    let place = skipSpace(bytes, starts[row] ?? 0);
    if (isList && bytes[place++] !== openBracket) return undefined;
    for (let index = 0; index < count; index++) {
      if (index > 0 && bytes[place++] !== comma) return undefined;
      const value = scanner.scan(bytes, skipSpace(bytes, place), single);
      if (Number.isNaN(value) || !write(value, row * count + index)) return undefined;
      place = skipSpace(bytes, scanner.end);
    }
    if (isList && bytes[place++] !== closeBracket) return undefined;
    if (skipSpace(bytes, place) !== end) return undefined;
  }
  return [tensorOf(sole, starts.length, count, column.data)];
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
          column.data[element] = Number.NaN;
          continue;
        }
        const value = scanner.scan(bytes, place, column.single);
        if (Number.isNaN(value) || !(column.isFloat || scanner.isWhole)) return false;
        if (!column.write(value, element)) return false;
        place = skipSpace(bytes, scanner.end);
      } else {
        const behind = endOfText(bytes, place, end);
        if (behind < 0) return false;
        column?.data.push(textOf(bytes, place, behind));
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

/** White space within a line: a line's own end is no part of it. */
function skipSpace(bytes: Uint8Array, start: number): number {
  let place = start;
  while (bytes[place] === 0x20 || bytes[place] === 0x09) place++;
  return place;
}

function openColumn(
  { datatype }: TensorMetadata,
  rows: number,
  width: number,
): NumberColumn | TextColumn | undefined {
  if (datatype === 'BYTES') return { kind: 'texts', data: [] };
  if (datatype === 'BOOL' || datatype === 'FP16') return undefined;
  const data = allocate(datatype, rows * width);
  const single = datatype === 'FP32';
  const isFloat = single || datatype === 'FP64';
  return { kind: 'numbers', data, stride: width, place: 0, single, isFloat, write: writerOf(data) };
}

function allocate(datatype: FixedDatatype, length: number): NumberColumn['data'] {
  return viewOf(datatype, new ArrayBuffer(length * elementBytes[datatype]), 0, length);
}

/** Writes a value; false for one that the array cannot hold as it is. */
function writerOf(data: NumberColumn['data']): NumberColumn['write'] {
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    // Two 32-bit halves, low first as on every platform of Node: ten times faster than a BigInt for each element.
    const halves = new Int32Array(data.buffer, data.byteOffset, data.length * 2);
    const lowest = data instanceof BigUint64Array ? 0 : Number.MIN_SAFE_INTEGER;
    return (value, place) => {
      if (!Number.isSafeInteger(value) || value < lowest) return false;
      halves[2 * place] = value;
      halves[2 * place + 1] = Math.floor(value / 2 ** 32);
      return true;
    };
  }
  if (data instanceof Float32Array || data instanceof Float64Array) {
    return (value, place) => {
      data[place] = value;
      return Number.isFinite(data[place]);
    };
  }
  return (value, place) => {
    data[place] = value;
    return data[place] === value;
  };
}

function tensorOf(
  { name, datatype, shape: dimensions }: TensorMetadata,
  rows: number,
  width: number,
  data: TensorData,
): Tensor {
  return { name, datatype, shape: dimensions.length === 1 ? [rows] : [rows, width], data };
}
