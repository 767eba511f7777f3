import type { JobKeys } from '../../contract/job-keys.ts';
import type { ContentFormat } from '../formats.ts';
import type { InputObject, Job } from '../job.ts';
import type { BatchContext } from '../ports.ts';
import type { ShardSource } from '../shard.ts';
import { splitBytes } from './split-bytes.ts';
import { splitCsv } from './split-csv.ts';
import { splitGzip } from './split-gzip.ts';
import { splitRows } from './split-rows.ts';

/** A shard's worth of an object, and where the next begins; undefined at the object's end. */
export interface Split {
  readonly source: ShardSource;
  readonly next: number | undefined;
}

export interface SplitContext extends Pick<BatchContext, 'input' | 'results' | 'tables'> {
  readonly keys: JobKeys;
  readonly job: Job;
}

/**
 * Cuts an object into shards, from an offset at which one begins, with memory that does not grow with the object.
 * An object without records gives one shard. The same object gives the same shards.
 *
 * @throws ServingError INVALID_REQUEST when the object is not what its format says
 */
export function splitObject(
  context: SplitContext,
  object: InputObject,
  { format, gzip }: ContentFormat,
  offset: number,
): AsyncGenerator<Split> | Generator<Split> {
  const { job } = context;
  switch (format) {
    case 'jsonl':
    case 'text':
    case 'csv':
      if (gzip) return splitGzip(context, object, format, offset);
      return format === 'csv'
        ? splitCsv(context, object, offset)
        : splitBytes(object, format, job.shardBytes, offset);
    case 'npy':
    case 'parquet':
      return splitRows(context, object, format, offset);
    case 'media':
      throw new Error('objects that are records are put together, not split');
  }
}
