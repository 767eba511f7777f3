import { ServingError } from '../../errors.ts';
import type { ModelLease } from '../../models/provider.ts';
import { formatFloat32 } from '../../protocol/float32-text.ts';
import { quoteCell } from '../../protocol/formats/cells.ts';
import type { Tensor, TensorMetadata } from '../../protocol/tensor.ts';
import type { Job } from '../job.ts';
import { recordsHaveNames, type ShardSource } from '../shard.ts';
import { expandRows, type SourceRecord } from '../source-record.ts';
import { lineAt } from '../sources/line-block.ts';
import { inputJson } from './input-text.ts';
import {
  type Cell,
  cellJson,
  cellsOf,
  columnsOf,
  isSingle,
  type OutputColumn,
} from './output-columns.ts';
import type { OutputEncoder } from './output-encoder.ts';
import { joinLines, writeRows } from './row-writer.ts';

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
  const token = csv ? csvToken : cellJson;
  const line = (record: SourceRecord, id: string | undefined, predictions: readonly string[]) => {
    const before = [
      ...joined(job, source, record),
      ...(recordsHaveNames(source) ? [id ?? record.origin?.object.key ?? null] : []),
    ];
    const tokens = [...before.map((cell) => token(cell, false)), ...predictions];
    return csv ? [...rawCsv(job, source, record), ...tokens].join(',') : `[${tokens.join(',')}]`;
  };
  const rows: OutputEncoder['rows'] = (records, tensors) => {
    const cells = rowTokens(outputs, tensors, records.length, token);
    return records.map((record, index) => line(record, undefined, cells[index] ?? []));
  };
  return {
    header: csv ? layoutOf(job, lease, source, hasTask).header : undefined,
    responses: () => undefined,
    response: (record, request, tensors) => {
      if (hasTask) throw requestOfTask;
      return line(record, request.id, rowTokens(outputs, tensors, 1, token)[0] ?? []);
    },
    rows,
    block: (record, tensors) =>
      writeBlock(job, source, outputs, record, tensors) ??
      joinLines(rows(expandRows(record), tensors)),
    prediction: (record, json) => line(record, undefined, [token(json, false)]),
  };
}

/** Rows that came together; undefined when they have to be put into columns cell by cell. */
function writeBlock(
  { output: { format, joinInput } }: Job,
  source: ShardSource,
  metadata: readonly TensorMetadata[],
  { content, count }: SourceRecord,
  tensors: readonly Tensor[],
): Uint8Array | undefined {
  const csv = format === 'csv';
  const outputs = metadata.flatMap((one) => {
    const tensor = tensors.find(({ name }) => name === one.name);
    return tensor !== undefined && isPlain(tensor, one) ? [tensor] : [];
  });
  if (outputs.length !== metadata.length) return undefined;
  const id = recordsHaveNames(source) ? `${csv ? '' : 'null'},` : '';
  const layout = {
    before: csv ? id : `[${id}`,
    outputs: outputs.map((_, index) => ({ before: index === 0 ? '' : ',', open: '', close: '' })),
    after: csv ? '' : ']',
  };
  if (!joinInput) return writeRows(outputs, count, layout);
  if (!csv || content.kind !== 'lines' || content.header === undefined) return undefined;
  // A comma stands behind the line as it was.
  const { lines } = content;
  const joinedLayout = { ...layout, before: `,${layout.before}` };
  return writeRows(outputs, count, joinedLayout, (row) => lineAt(lines, row).bytes);
}

/** Whether an output has a column for each of its values. */
function isPlain({ shape }: Tensor, metadata: TensorMetadata): boolean {
  const columns = columnsOf(metadata);
  return columns[0]?.type !== 'STRING' && columns.length === (shape[1] ?? 1);
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
    ...(recordsHaveNames(source) ? [{ name: 'id', type: 'STRING' } as const] : []),
    ...(hasTask
      ? [{ name: 'prediction', type: 'STRING' } as const]
      : outputsOf(job, lease).flatMap(columnsOf)),
  ];
  const names = columns.map(({ name }) => quoteCell(name));
  const header = [...(joinsCsv && source.kind === 'lines' ? [source.header ?? ''] : []), ...names];
  return { columns, header: header.join(',') };
}

function outputsOf({ output }: Job, { session }: ModelLease): readonly TensorMetadata[] {
  const { names } = output;
  if (names === undefined) return session.outputs;
  return names.flatMap((name) => session.outputs.find((one) => one.name === name) ?? []);
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

function rowTokens(
  metadata: readonly TensorMetadata[],
  tensors: readonly Tensor[],
  records: number,
  token: (cell: Cell, single: boolean) => string,
): string[][] {
  const rows: string[][] = Array.from({ length: records }, () => []);
  for (const output of metadata) {
    const tensor = tensors.find(({ name }) => name === output.name);
    if (tensor === undefined) {
      throw new ServingError(
        'INVALID_REQUEST',
        `outputs: expected ${output.name} among them, for every line has the same columns`,
      );
    }
    const single = isSingle(tensor.datatype);
    for (const [row, cells] of cellsOf(tensor, output, records).entries()) {
      for (const cell of cells) rows[row]?.push(token(cell, single));
    }
  }
  return rows;
}

function csvToken(cell: Cell, single: boolean): string {
  if (cell === null) return '';
  return single && typeof cell === 'number' ? formatFloat32(cell) : quoteCell(`${cell}`);
}
