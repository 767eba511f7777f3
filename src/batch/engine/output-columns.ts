import { ServingError } from '../../errors.ts';
import { formatFloat32 } from '../../protocol/float32-text.ts';
import { halfToNumber } from '../../protocol/half.ts';
import type { Datatype, Tensor, TensorMetadata } from '../../protocol/tensor.ts';
import type { TableColumn } from '../ports.ts';

/** A column of predictions. */
export interface OutputColumn {
  readonly name: string;
  readonly type: TableColumn['type'];
}

/** Columns that an output may have: more are one column of JSON. */
const maximumWidth = 1_000;

const types: Readonly<Record<Datatype, TableColumn['type']>> = {
  BOOL: 'BOOLEAN',
  UINT8: 'INT32',
  UINT16: 'INT32',
  UINT32: 'INT64',
  UINT64: 'UINT64',
  INT8: 'INT32',
  INT16: 'INT32',
  INT32: 'INT32',
  INT64: 'INT64',
  FP16: 'FLOAT',
  FP32: 'FLOAT',
  FP64: 'DOUBLE',
  BYTES: 'STRING',
};

/** `y`, or `y[0]`, `y[1]`, ... for an output of several values a row; JSON for one whose width varies. */
export function columnsOf({ name, datatype, shape }: TensorMetadata): OutputColumn[] {
  const width = widthOf(shape);
  if (width === undefined) return [{ name, type: 'STRING' }];
  const type = types[datatype];
  if (width === 1) return [{ name, type }];
  return Array.from({ length: width }, (_, index) => ({ name: `${name}[${index}]`, type }));
}

function widthOf(shape: readonly number[]): number | undefined {
  const row = shape.slice(1);
  if (row.some((dimension) => dimension < 0)) return undefined;
  const width = row.reduce((product, dimension) => product * dimension, 1);
  return width > maximumWidth ? undefined : width;
}

/** A value of a cell: what a table can hold. */
export type Cell = string | number | bigint | boolean | null;

/**
 * The cells of each row of an output.
 *
 * @param metadata what the model says of it: the columns are made by that
 * @throws ServingError INVALID_REQUEST when there is not a row for each record
 */
export function cellsOf(output: Tensor, { shape }: TensorMetadata, records: number): Cell[][] {
  if (output.shape[0] !== records) {
    throw new ServingError(
      'INVALID_REQUEST',
      `output ${output.name}: expected one row for each record, got ${output.shape[0] ?? 'none'} for ${records}; ask for output.format jsonl`,
    );
  }
  const width = records === 0 ? 0 : output.data.length / records;
  const together = widthOf(shape) === undefined;
  return Array.from({ length: records }, (_, row) => {
    const cells: Cell[] = [];
    for (let place = row * width; place < (row + 1) * width; place++) {
      cells.push(cellOf(output, place));
    }
    if (!together) return cells;
    return [`[${cells.map((cell) => cellJson(cell, isSingle(output.datatype))).join(',')}]`];
  });
}

function cellOf({ datatype, data }: Tensor, place: number): Cell {
  const value = data[place] ?? 0;
  if (datatype === 'BOOL') return value === 1;
  if (datatype === 'FP16' && typeof value === 'number') return halfToNumber(value);
  return value;
}

/** Whether values are singles: a double prints the digits that they do not have. */
export function isSingle(datatype: Datatype): boolean {
  return datatype === 'FP32' || datatype === 'FP16';
}

/**
 * A cell as JSON: of a single the shortest digits that read back as the same value. What JSON has no form for is a string; the
 * table's writer reads it back.
 */
export function cellJson(cell: Cell, single: boolean): string {
  if (typeof cell === 'bigint') return `"${cell}"`;
  if (typeof cell !== 'number') return JSON.stringify(cell);
  if (!Number.isFinite(cell)) return `"${cell}"`;
  return single ? formatFloat32(cell) : JSON.stringify(cell);
}
