import { ServingError } from '../../errors.ts';
import type { ModelLease } from '../../models/provider.ts';
import { formatFloat32 } from '../../protocol/float32-text.ts';
import type { Tensor, TensorMetadata } from '../../protocol/tensor.ts';
import type { Job } from '../job.ts';
import type { ShardSource } from '../shard.ts';
import { expandRows, type SourceRecord } from '../source-record.ts';
import { inputJson, quoteCsv } from './input-text.ts';
import { type Cell, cellsOf, columnsOf, type OutputColumn } from './output-columns.ts';
import type { OutputEncoder } from './output-encoder.ts';
import { joinLines } from './vector-lines.ts';

/** Columns of a shard's output: those of the input, what names the record, and the predictions. */
export interface ColumnLayout {
  readonly columns: readonly OutputColumn[];
  /** The line that names the columns of a CSV part. */
  readonly header: string;
}

/**
 * Predictions in columns: lines of CSV, or, for a table that is made when the shard is done, lines of JSON with a
 * value for each column.
 */
export function createColumnEncoder(
  job: Job,
  lease: ModelLease,
  source: ShardSource,
  hasTask: boolean,
): OutputEncoder {
  const outputs = outputsOf(job, lease);
  const csv = job.output.format === 'csv';
  const line = (record: SourceRecord, id: string | undefined, cells: readonly Cell[]) => {
    const all = [
      ...joined(job, source, record),
      ...(isNamed(source) ? [id ?? record.origin?.object.key ?? null] : []),
      ...cells,
    ];
    if (!csv) return JSON.stringify(all.map(toJson));
    return [...rawCsv(job, source, record), ...all.map(csvCell)].join(',');
  };
  const rows: OutputEncoder['rows'] = (records, tensors) => {
    const cells = rowCells(outputs, tensors, records.length);
    return records.map((record, index) => line(record, undefined, cells[index] ?? []));
  };
  return {
    header: csv ? layoutOf(job, lease, source, hasTask).header : undefined,
    response: (record, request, tensors) => {
      if (hasTask) throw requestOfTask;
      return line(record, request.id, rowCells(outputs, tensors, 1)[0] ?? []);
    },
    rows,
    block: (record, tensors) => joinLines(rows(expandRows(record), tensors)),
    prediction: (record, json) => line(record, undefined, [json]),
  };
}

const requestOfTask = new ServingError(
  'INVALID_REQUEST',
  'record: expected what the task of the model takes, for predictions are columns, got a request; ask for output.format jsonl',
);

/** The columns that the parts of a shard have. */
export function layoutOf(
  job: Job,
  lease: ModelLease,
  source: ShardSource,
  hasTask: boolean,
): ColumnLayout {
  const { joinInput } = job.output;
  const joinsCsv = joinInput && isCsv(source) && job.output.format === 'csv';
  const columns: OutputColumn[] = [
    ...(joinInput && !joinsCsv ? [{ name: 'input', type: 'STRING' } as const] : []),
    ...(isNamed(source) ? [{ name: 'id', type: 'STRING' } as const] : []),
    ...(hasTask
      ? [{ name: 'prediction', type: 'STRING' } as const]
      : outputsOf(job, lease).flatMap(columnsOf)),
  ];
  const names = columns.map(({ name }) => quoteCsv(name));
  const header = [...(joinsCsv && source.kind === 'lines' ? [source.header ?? ''] : []), ...names];
  return { columns, header: header.join(',') };
}

function outputsOf({ output }: Job, { session }: ModelLease): readonly TensorMetadata[] {
  const { names } = output;
  if (names === undefined) return session.outputs;
  return names.flatMap((name) => session.outputs.find((one) => one.name === name) ?? []);
}

/** Whether records have a name of their own: an id in a request, the key of an object. */
function isNamed(source: ShardSource): boolean {
  return source.kind === 'objects' || (source.kind === 'lines' && source.format === 'jsonl');
}

function isCsv(source: ShardSource): boolean {
  return source.kind === 'lines' && source.format === 'csv';
}

function joined(job: Job, source: ShardSource, record: SourceRecord): Cell[] {
  if (!job.output.joinInput || (job.output.format === 'csv' && isCsv(source))) return [];
  return [inputJson(record)];
}

/** CSV beside CSV: the record's own line, as it is. */
function rawCsv(job: Job, source: ShardSource, { content }: SourceRecord): string[] {
  if (!job.output.joinInput || !isCsv(source) || content.kind !== 'csv') return [];
  return [Buffer.from(content.bytes).toString()];
}

function rowCells(
  metadata: readonly TensorMetadata[],
  tensors: readonly Tensor[],
  records: number,
): Cell[][] {
  const rows: Cell[][] = Array.from({ length: records }, () => []);
  for (const output of metadata) {
    const tensor = tensors.find(({ name }) => name === output.name);
    if (tensor === undefined) {
      throw new ServingError(
        'INVALID_REQUEST',
        `outputs: expected ${output.name} among them, for every line has the same columns`,
      );
    }
    const float32 = tensor.datatype === 'FP32' || tensor.datatype === 'FP16';
    for (const [row, cells] of cellsOf(tensor, output, records).entries()) {
      rows[row]?.push(...(float32 ? cells.map(asFloat32) : cells));
    }
  }
  return rows;
}

/** A double prints the digits that FP32 does not have: what is kept are the shortest that read back as the same value. */
function asFloat32(cell: Cell): Cell {
  return typeof cell === 'number' && Number.isFinite(cell) ? Number(formatFloat32(cell)) : cell;
}

function csvCell(cell: Cell): string {
  return cell === null ? '' : quoteCsv(`${cell}`);
}

/** What JSON has no form for is a string; the table's writer reads it back. */
function toJson(cell: Cell): unknown {
  if (typeof cell === 'bigint') return cell.toString();
  return typeof cell === 'number' && !Number.isFinite(cell) ? String(cell) : cell;
}
