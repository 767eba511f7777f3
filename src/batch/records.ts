import { ServingError } from '../errors.ts';
import { readBlocks } from './blocks.ts';
import { firstByteToRead, readLines } from './lines.ts';
import type { ObjectStore } from './object-store.ts';
import type { ShardSource } from './shard.ts';

/** One input record as it lies in its object. */
export interface SourceRecord {
  /** Place in the shard's stretch of the input, from 0: lines for lines, rows for rows. */
  readonly number: number;
  /** Offset of its first byte in its object. */
  readonly offset: number;
  readonly sizeBytes: number;
  /** undefined when the record is larger than a record may be. */
  readonly bytes: Uint8Array | undefined;
}

/** Where reading goes on. */
export interface Position {
  /** Records before it. */
  readonly records: number;
  /** A byte at or before the first of the next record, and behind the last one's content. */
  readonly offset: number;
  /** Lines or rows before `offset`, counted from the shard's start. */
  readonly number: number;
}

/** Records in lists as they become readable; returns how many lines or rows the shard's stretch has. */
export type RecordReader = AsyncGenerator<readonly SourceRecord[], number>;

/** A record is held in memory whole, and as tensors beside. */
export const maximumRecordBytes = 64 * 1024 * 1024;

export function startOf(source: ShardSource): Position {
  return { records: 0, offset: source.start, number: 0 };
}

/** The position behind a record. */
export function positionBehind(record: SourceRecord, records: number): Position {
  return { records, offset: record.offset + record.sizeBytes, number: record.number + 1 };
}

/** The records of a shard from a position on. */
export async function* readRecords(
  store: ObjectStore,
  source: ShardSource,
  from: Position,
): RecordReader {
  const blocks = readBlocks(
    pinned(store, source.object.key),
    source.object,
    firstByteToRead(from.offset),
    source.end,
  );
  const lines = readLines(blocks, {
    start: from.offset,
    end: source.end,
    maximumBytes: maximumRecordBytes,
  });
  for (;;) {
    const next = await lines.next();
    if (next.done === true) return from.number + next.value;
    yield next.value.map(({ offset, linesBefore, sizeBytes, bytes }) => ({
      number: from.number + linesBefore,
      offset,
      sizeBytes,
      bytes,
    }));
  }
}

/** Reads that say which object of the input is no longer the one that was planned, when one is not. */
function pinned(store: ObjectStore, name: string): Pick<ObjectStore, 'read'> {
  return {
    async read(object, start, end) {
      try {
        return await store.read(object, start, end);
      } catch (thrown) {
        const code = thrown instanceof ServingError ? thrown.code : undefined;
        if (code !== 'NOT_FOUND' && code !== 'CONFLICT') throw thrown;
        throw new ServingError(
          'CONFLICT',
          `input ${name} was replaced or deleted after the job was planned`,
          { cause: thrown },
        );
      }
    },
  };
}
