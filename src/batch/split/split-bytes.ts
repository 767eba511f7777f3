import type { InputObject, Job } from '../job.ts';
import type { Split } from './split.ts';

/**
 * Ranges of equal size: a line belongs to the range in which it begins, which a worker finds out by itself, so
 * nothing has to be read here whatever the object's size.
 */
export function* splitBytes(
  object: InputObject,
  format: 'jsonl' | 'text',
  shardBytes: number,
  offset: number,
): Generator<Split> {
  for (const { start, end, next } of ranges(object.sizeBytes, shardBytes, offset)) {
    yield { source: { kind: 'lines', format, object, start, end }, next };
  }
}

/** Of an errors file: each of its lines stands for a record that is read by itself. */
const errorLineBytes = 300;

/** Ranges of an errors file. */
export function* splitErrors(object: InputObject, job: Job, offset: number): Generator<Split> {
  const shardBytes = job.shardRecords * errorLineBytes;
  for (const { start, end, next } of ranges(object.sizeBytes, shardBytes, offset)) {
    yield { source: { kind: 'errors', object, start, end }, next };
  }
}

function* ranges(sizeBytes: number, shardBytes: number, offset: number) {
  let start = offset;
  do {
    const end = Math.min(start + shardBytes, sizeBytes);
    yield { start, end, next: end < sizeBytes ? end : undefined };
    start = end;
  } while (start < sizeBytes);
}
