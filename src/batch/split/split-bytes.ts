import type { InputObject } from '../job.ts';
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
  let start = offset;
  do {
    const end = Math.min(start + shardBytes, object.sizeBytes);
    yield {
      source: { kind: 'lines', format, object, start, end },
      next: end < object.sizeBytes ? end : undefined,
    };
    start = end;
  } while (start < object.sizeBytes);
}
