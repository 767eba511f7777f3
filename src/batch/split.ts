import { ServingError } from '../errors.ts';
import type { InputFormat, InputObject, Job } from './job.ts';
import type { ObjectStore } from './object-store.ts';
import type { ShardSource } from './shard.ts';

/** A shard's worth of an object, and where the next begins; undefined at the object's end. */
export interface Split {
  readonly source: ShardSource;
  readonly next: number | undefined;
}

/** Cuts an object into shards, from an offset at which one begins. An object without records gives one shard. */
export async function* splitObject(
  _input: ObjectStore,
  object: InputObject,
  format: InputFormat,
  job: Job,
  offset: number,
): AsyncGenerator<Split> {
  switch (format) {
    case 'jsonl':
    case 'text':
      yield* splitBytes(object, format, job.shardBytes, offset);
      return;
    default:
      throw new ServingError('UNSUPPORTED_MEDIA_TYPE', `${object.key}: ${format} is not supported`);
  }
}

/**
 * Ranges of equal size: a line belongs to the range in which it begins, which a worker finds out by itself, so
 * nothing has to be read here whatever the object's size.
 */
function* splitBytes(
  object: InputObject,
  format: 'jsonl' | 'text',
  shardBytes: number,
  offset: number,
): Generator<Split> {
  let start = offset;
  do {
    const end = Math.min(start + shardBytes, object.sizeBytes);
    const source: ShardSource = { kind: 'lines', format, object, start, end };
    yield { source, next: end < object.sizeBytes ? end : undefined };
    start = end;
  } while (start < object.sizeBytes);
}
