import * as v from 'valibot';
import { ServingError } from '../../errors.ts';
import { parseDocument } from '../document.ts';
import { maximumErrorLineBytes } from '../error-lines.ts';
import { formatOf } from '../formats.ts';
import type { InputFormat, InputObject } from '../job.ts';
import type { ObjectStore } from '../object-store.ts';
import type { TableFiles } from '../ports.ts';
import type { ErrorSource } from '../shard.ts';
import {
  type InputReads,
  maximumRecordBytes,
  type Position,
  type RecordContent,
  type RecordReader,
  type SourceRecord,
  tooLarge,
  type UnpackedStretch,
} from '../source-record.ts';
import { readBlocks } from './blocks.ts';
import { readCsvHeader } from './csv-header.ts';
import type { Line } from './line-block.ts';
import { firstByteToRead, readLines } from './lines.ts';
import { readNpyRecords } from './npy-records.ts';
import { readTableRecords } from './table-records.ts';

/** Reads that are under way at a time. */
const parallelReads = 16;

/** A line of an errors file, as much of it as is needed to find the record again. */
const entrySchema = v.object({
  input: v.string(),
  number: v.number(),
  offset: v.optional(v.number()),
  bytes: v.number(),
  etag: v.optional(v.string()),
  versionId: v.optional(v.string()),
  objectBytes: v.optional(v.number()),
  stretch: v.optional(
    v.object({
      key: v.string(),
      etag: v.string(),
      sizeBytes: v.number(),
      offset: v.number(),
      header: v.optional(v.string()),
    }),
  ),
});
type Entry = v.InferOutput<typeof entrySchema>;

interface Stores {
  readonly input: InputReads;
  readonly results: ObjectStore;
  readonly tables: TableFiles;
}

/** Records that another job named in its errors file, each read from where it lies. */
export async function* readPickedRecords(
  stores: Stores,
  source: ErrorSource,
  from: Position,
  format: InputFormat | undefined,
): RecordReader {
  const { object, end } = source;
  const range = { start: from.offset, end, maximumBytes: maximumErrorLineBytes };
  const blocks = readBlocks(stores.results, object, firstByteToRead(from.offset), end);
  const headers = new Map<string, Promise<string>>();
  let number = from.number;
  for await (const lines of readLines(blocks, range)) {
    for (let start = 0; start < lines.length; start += parallelReads) {
      const some = lines.slice(start, start + parallelReads);
      const first = number;
      yield await Promise.all(
        some.map((line, index) => readPicked(stores, headers, line, first + index, format)),
      );
      number += some.length;
    }
  }
  return number;
}

async function readPicked(
  stores: Stores,
  headers: Map<string, Promise<string>>,
  line: Line,
  number: number,
  format: InputFormat | undefined,
): Promise<SourceRecord> {
  const entry = parseDocument(entrySchema, line.bytes ?? new Uint8Array(0), 'errors file');
  const { input, etag, versionId, bytes, offset, objectBytes = 0, stretch } = entry;
  const pin: InputObject = {
    key: input,
    etag: etag ?? '',
    sizeBytes: objectBytes,
    ...(versionId === undefined ? {} : { versionId }),
  };
  return {
    origin: { object: pin, number: entry.number, stretch },
    number,
    offset,
    sizeBytes: bytes,
    next: line.offset + line.sizeBytes,
    nextNumber: number + 1,
    count: 1,
    content:
      stretch === undefined
        ? await contentOf(stores, headers, pin, entry, format)
        : await contentOfStretch(stores, stretch, entry),
  };
}

/** A record of an object that was packed. */
async function contentOfStretch(
  { results }: Stores,
  stretch: UnpackedStretch,
  { offset = 0, bytes }: Entry,
): Promise<RecordContent> {
  if (bytes > maximumRecordBytes) return tooLarge(bytes);
  const start = offset - stretch.offset;
  const content = await results.read(stretch, start, start + bytes);
  return stretch.header === undefined
    ? { kind: 'line', bytes: content }
    : { kind: 'csv', header: stretch.header, bytes: content };
}

async function contentOf(
  { input, tables }: Stores,
  headers: Map<string, Promise<string>>,
  pin: InputObject,
  { number, offset = 0, bytes }: Entry,
  asked: InputFormat | undefined,
): Promise<RecordContent> {
  if (bytes > maximumRecordBytes) return tooLarge(bytes);
  const { format } = formatOf(pin.key, asked);
  const row = { kind: 'rows', object: pin, firstRow: number - 1, rows: 1 } as const;
  const from = { records: 0, offset: number - 1, number: number - 1 };
  switch (format) {
    case 'npy':
      return firstContent(readNpyRecords(input, { ...row, format }, from));
    case 'parquet':
      return firstContent(readTableRecords(input, tables, { ...row, format }, from));
    case 'media':
      return { kind: 'object', bytes: await input.read(pin, 0, pin.sizeBytes) };
    case 'csv': {
      const known = headers.get(pin.key) ?? readCsvHeader(input, pin).then(({ header }) => header);
      headers.set(pin.key, known);
      const header = await known;
      return { kind: 'csv', header, bytes: await input.read(pin, offset, offset + bytes) };
    }
    case 'jsonl':
    case 'text':
      return { kind: 'line', bytes: await input.read(pin, offset, offset + bytes) };
  }
}

async function firstContent(reader: RecordReader): Promise<RecordContent> {
  const first = await reader.next();
  await reader.return(0);
  const [record] = first.done === true ? [] : first.value;
  return record?.content ?? gone;
}

const gone: RecordContent = {
  kind: 'unreadable',
  error: new ServingError('INVALID_REQUEST', 'record: expected it where it was, and there is none'),
};
