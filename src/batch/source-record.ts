import { ServingError } from '../errors.ts';
import type { Tensor } from '../protocol/tensor.ts';
import type { ObjectStore, StoredPiece } from './object-store.ts';
import { type LineBlock, lineAt, linesThrough } from './sources/line-block.ts';

/** One input record as it lies in its object. */
export interface SourceRecord {
  /** Object that it is of, where that is not the shard's own; with a number in it when it came from an errors file. */
  readonly origin?: {
    readonly object: StoredPiece;
    readonly number?: number;
    readonly stretch?: UnpackedStretch | undefined;
  };
  /** Place in the shard's stretch of the input, from 0: lines for lines, rows for rows. */
  readonly number: number;
  /** Offset of its first byte in its object; undefined where records are not stretches of bytes. */
  readonly offset: number | undefined;
  readonly sizeBytes: number;
  /** Offset (of `Position`) at which reading goes on behind it. */
  readonly next: number;
  /** Number of what comes behind it. */
  readonly nextNumber: number;
  /** Lines, and rows of an array, come together: so many records are in this one. */
  readonly count: number;
  readonly content: RecordContent;
}

/** A stretch of an object that was packed, as it lies in the results bucket. */
export interface UnpackedStretch extends StoredPiece {
  /** Where it begins in what the object held. */
  readonly offset: number;
  /** Of CSV. */
  readonly header?: string | undefined;
}

export type RecordContent =
  /** A line without its end. */
  | { readonly kind: 'line'; readonly bytes: Uint8Array }
  /** A line of CSV, and the header of its object. */
  | { readonly kind: 'csv'; readonly bytes: Uint8Array; readonly header: string }
  /** Lines, as many as the record counts; of CSV, with the header of their object. */
  | { readonly kind: 'lines'; readonly lines: LineBlock; readonly header: string | undefined }
  /** Values by column, and the columns that are features, in their order: an object has no order of names like `0`. */
  | {
      readonly kind: 'row';
      readonly row: Readonly<Record<string, unknown>>;
      readonly features: readonly string[];
    }
  /** Rows of an array, as many as the record counts. */
  | { readonly kind: 'array'; readonly tensor: Omit<Tensor, 'name'> }
  /** A whole object. */
  | { readonly kind: 'object'; readonly bytes: Uint8Array }
  /** It could not be read, and never will be. */
  | { readonly kind: 'unreadable'; readonly error: ServingError };

/** Where reading goes on. */
export interface Position {
  /** Records before it. */
  readonly records: number;
  /** Where the next record is looked for: bytes, rows or objects, as the source counts. */
  readonly offset: number;
  /** Lines or rows before it, counted from the shard's start. */
  readonly number: number;
}

/**
 * Records in lists as they become readable; returns how many lines or rows the shard's stretch has. Lines and rows are there
 * only until the reader is asked for more: their memory is used again.
 */
export type RecordReader = AsyncGenerator<readonly SourceRecord[], number>;

/** A record is held in memory whole, and as tensors beside. */
export const maximumRecordBytes = 64 * 1024 * 1024;

/** Objects of the input: reads that say which of them is no longer the one that was planned, when one is not. */
export type InputReads = Pick<ObjectStore, 'read'>;

/** The position behind a record. */
export function positionBehind({ next, nextNumber }: SourceRecord, records: number): Position {
  return { records, offset: next, number: nextNumber };
}

/** Some of the records that came together. */
export function sliceRows(record: SourceRecord, start: number, end: number): SourceRecord {
  if (start === 0 && end === record.count) return record;
  switch (record.content.kind) {
    case 'array':
      return sliceArray(record, record.content.tensor, start, end);
    case 'lines':
      return sliceLines(record, record.content, start, end);
    default:
      return record;
  }
}

function sliceArray(
  record: SourceRecord,
  { datatype, shape, data }: Omit<Tensor, 'name'>,
  start: number,
  end: number,
): SourceRecord {
  const { count, offset } = record;
  const width = data.length / count;
  const rowBytes = record.sizeBytes / count;
  return {
    ...record,
    number: record.number + start,
    offset: offset === undefined ? undefined : offset + start * rowBytes,
    sizeBytes: (end - start) * rowBytes,
    next: record.next - (count - end),
    nextNumber: record.number + end,
    count: end - start,
    content: {
      kind: 'array',
      tensor: {
        datatype,
        shape: [end - start, ...shape.slice(1)],
        data: Array.isArray(data)
          ? data.slice(start * width, end * width)
          : data.subarray(start * width, end * width),
      },
    },
  };
}

type LinesContent = Extract<RecordContent, { readonly kind: 'lines' }>;

function sliceLines(
  record: SourceRecord,
  { lines, header }: LinesContent,
  start: number,
  end: number,
): SourceRecord {
  const behind = end < record.count ? (lines.starts[end] ?? lines.behind) : lines.behind;
  const part: LineBlock = {
    bytes: lines.bytes,
    offset: lines.offset,
    starts: lines.starts.subarray(start, end),
    ends: lines.ends.subarray(start, end),
    linesBefore: lines.linesBefore.subarray(start, end),
    behind,
  };
  return recordOfLines(part, header, {
    base: (record.offset ?? 0) - lineAt(lines, 0).offset,
    number: record.number - (lines.linesBefore[0] ?? 0),
  });
}

/**
 * Lines that came together as one record.
 *
 * @param before where they lie: what is to be added to offsets in what was read, for offsets in the object that the
 *   records are told by, and to numbers
 */
export function recordOfLines(
  lines: LineBlock,
  header: string | undefined,
  { base, number }: { readonly base: number; readonly number: number },
): SourceRecord {
  const { offset, ends, linesBefore } = lines;
  const count = ends.length;
  return {
    number: number + (linesBefore[0] ?? 0),
    offset: base + lineAt(lines, 0).offset,
    sizeBytes: linesBytes(lines, 0, count),
    next: offset + (ends[count - 1] ?? 0),
    nextNumber: number + linesThrough(lines, count - 1),
    count,
    content: { kind: 'lines', lines, header },
  };
}

/** Bytes of some lines, with a byte for each line end: what windows are cut by must not tell how lines were read. */
export function linesBytes({ starts, ends }: LineBlock, start: number, end: number): number {
  let bytes = 0;
  for (let index = start; index < end; index++) {
    bytes += (ends[index] ?? 0) - (starts[index] ?? 0) + 1;
  }
  return bytes;
}

/** Each of the records that came together by itself. */
export function expandRows(record: SourceRecord): readonly SourceRecord[] {
  if (record.count === 1 && record.content.kind !== 'lines') return [record];
  return Array.from({ length: record.count }, (_, index) => recordAt(record, index));
}

/** One of the records that came together by itself. */
export function recordAt(record: SourceRecord, index: number): SourceRecord {
  const { content } = record;
  return content.kind === 'lines'
    ? lineRecord(record, content, index)
    : sliceRows(record, index, index + 1);
}

function lineRecord(record: SourceRecord, content: LinesContent, index: number): SourceRecord {
  const { lines, header } = content;
  const base = (record.offset ?? 0) - lineAt(lines, 0).offset;
  const firstNumber = record.number - (lines.linesBefore[0] ?? 0);
  const { offset, linesBefore, sizeBytes, bytes } = lineAt(lines, index);
  return {
    number: firstNumber + linesBefore,
    offset: base + offset,
    sizeBytes,
    next: offset + sizeBytes,
    nextNumber: firstNumber + linesThrough(lines, index),
    count: 1,
    content: header === undefined ? { kind: 'line', bytes } : { kind: 'csv', bytes, header },
  };
}

/** A record that is larger than a record may be. */
export function tooLarge(sizeBytes: number): RecordContent {
  return {
    kind: 'unreadable',
    error: new ServingError(
      'PAYLOAD_TOO_LARGE',
      `record: expected at most ${maximumRecordBytes} bytes, got ${sizeBytes}`,
    ),
  };
}
