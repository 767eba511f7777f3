import { ServingError } from '../errors.ts';
import type { InputFormat } from './job.ts';
import type { ObjectStore } from './object-store.ts';
import type { TableFiles } from './ports.ts';
import type { ShardSource } from './shard.ts';
import type { InputReads, Position, RecordReader } from './source-record.ts';
import { readLineRecords } from './sources/line-records.ts';
import { readNpyRecords } from './sources/npy-records.ts';
import { readObjectRecords } from './sources/object-records.ts';
import { readPickedRecords } from './sources/picked-records.ts';
import { readTableRecords } from './sources/table-records.ts';

export function startOf(source: ShardSource): Position {
  switch (source.kind) {
    case 'lines':
      return { records: 0, offset: source.start, number: source.linesBefore ?? 0 };
    case 'errors':
      return { records: 0, offset: source.start, number: 0 };
    case 'rows':
      return { records: 0, offset: source.firstRow, number: source.firstRow };
    case 'objects':
      return { records: 0, offset: 0, number: source.before };
  }
}

/** How much of a shard's input lies before a position, from 0 to 1. */
export function shareBefore(source: ShardSource, { offset }: Position): number {
  switch (source.kind) {
    case 'lines':
    case 'errors':
      return (offset - source.start) / (source.end - source.start);
    case 'rows':
      return (offset - source.firstRow) / source.rows;
    case 'objects':
      return offset / source.objects.length;
  }
}

/** Where records are read from. */
export interface RecordStores {
  /** The jobs bucket. */
  readonly input: ObjectStore;
  /** The results bucket: it holds what was unpacked, and the errors of other jobs. */
  readonly results: ObjectStore;
  readonly tables: TableFiles;
}

/**
 * The records of a shard from a position on.
 *
 * @param format the job's own word on what objects are
 * @param windowOf how many records of so many bytes are worked on at once, where all have the same size
 */
export function readRecords(
  stores: RecordStores,
  source: ShardSource,
  from: Position,
  format: InputFormat | undefined,
  windowOf?: (recordBytes: number) => number,
): RecordReader {
  const input = pinned(stores.input);
  switch (source.kind) {
    case 'lines':
      return readLineRecords(source.unpacked === undefined ? input : stores.results, source, from);
    case 'rows':
      return source.format === 'npy'
        ? readNpyRecords(input, source, from, windowOf)
        : readTableRecords(input, stores.tables, source, from);
    case 'objects':
      return readObjectRecords(input, source, from);
    case 'errors':
      return readPickedRecords({ ...stores, input }, source, from, format);
  }
}

/** Reads that say which object is no longer the one that was planned, when one is not. */
function pinned(store: ObjectStore): InputReads {
  return {
    async read(object, start, end, memory) {
      try {
        return await store.read(object, start, end, memory);
      } catch (thrown) {
        const code = thrown instanceof ServingError ? thrown.code : undefined;
        if (code !== 'NOT_FOUND' && code !== 'CONFLICT') throw thrown;
        throw new ServingError(
          'CONFLICT',
          `input ${object.key} was replaced or deleted after the job was planned`,
          { cause: thrown },
        );
      }
    },
  };
}
