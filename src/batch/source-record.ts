import { ServingError } from '../errors.ts';
import type { Tensor } from '../protocol/tensor.ts';
import type { ObjectStore, StoredPiece } from './object-store.ts';

/** One input record as it lies in its object. */
export interface SourceRecord {
  /** Object that it is of, where that is not the shard's own; with a number in it when it came from an errors file. */
  readonly origin?: { readonly object: StoredPiece; readonly number?: number };
  /** Place in the shard's stretch of the input, from 0: lines for lines, rows for rows. */
  readonly number: number;
  /** Offset of its first byte in its object; undefined where records are not stretches of bytes. */
  readonly offset: number | undefined;
  readonly sizeBytes: number;
  /** Offset (of `Position`) at which reading goes on behind it. */
  readonly next: number;
  /** Rows of an array come together: so many records are in this one. 1 for all others. */
  readonly count: number;
  readonly content: RecordContent;
}

export type RecordContent =
  /** A line without its end. */
  | { readonly kind: 'line'; readonly bytes: Uint8Array }
  /** A line of CSV, and the header of its object. */
  | { readonly kind: 'csv'; readonly bytes: Uint8Array; readonly header: string }
  /** Values by column. */
  | { readonly kind: 'row'; readonly row: Readonly<Record<string, unknown>> }
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

/** Records in lists as they become readable; returns how many lines or rows the shard's stretch has. */
export type RecordReader = AsyncGenerator<readonly SourceRecord[], number>;

/** A record is held in memory whole, and as tensors beside. */
export const maximumRecordBytes = 64 * 1024 * 1024;

/** Objects of the input: reads that say which of them is no longer the one that was planned, when one is not. */
export type InputReads = Pick<ObjectStore, 'read'>;

/** The position behind a record. */
export function positionBehind(record: SourceRecord, records: number): Position {
  return { records, offset: record.next, number: record.number + record.count };
}

/** Some of the rows that came together. */
export function sliceRows(record: SourceRecord, start: number, end: number): SourceRecord {
  const { content, count, sizeBytes, offset } = record;
  if (content.kind !== 'array' || (start === 0 && end === count)) return record;
  const { datatype, shape, data } = content.tensor;
  const width = data.length / count;
  const rowBytes = sizeBytes / count;
  return {
    ...record,
    number: record.number + start,
    offset: offset === undefined ? undefined : offset + start * rowBytes,
    sizeBytes: (end - start) * rowBytes,
    next: record.next - (count - end),
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

/** Each of the rows that came together by itself. */
export function expandRows(record: SourceRecord): readonly SourceRecord[] {
  if (record.count === 1) return [record];
  return Array.from({ length: record.count }, (_, row) => sliceRows(record, row, row + 1));
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
