import type { ModelLease } from '../../models/provider.ts';
import type { Tensor } from '../../protocol/tensor.ts';
import type { Job } from '../job.ts';
import type { ShardSource } from '../shard.ts';
import type { SourceRecord } from '../source-record.ts';
import { createColumnEncoder } from './column-encoder.ts';
import { createJsonLinesEncoder } from './json-lines-encoder.ts';
import type { DecodedRequest } from './requests.ts';

/**
 * Lines with their ends, for requests that came together.
 *
 * @param outputs those of all requests, the rows of each behind each other
 * @param ids the id of each as it stands in JSON; undefined when they have none
 * @returns undefined when each has to be written by itself
 */
export type ResponseWriter = (
  outputs: readonly Tensor[],
  requests: number,
  ids: readonly Uint8Array[] | undefined,
) => Uint8Array | undefined;

/** Predictions as lines of an output part, without line ends. */
export interface OutputEncoder {
  /** A line before all others of the part; undefined for none. */
  readonly header: string | undefined;
  /** @throws ServingError INVALID_REQUEST when the format has no form for a value */
  response(record: SourceRecord, request: DecodedRequest, outputs: readonly Tensor[]): string;
  /**
   * How requests that came together and are like this one are answered at once.
   *
   * @returns undefined when the format, or what the request asks for, has each answered by itself
   */
  responses(first: DecodedRequest): ResponseWriter | undefined;
  /** @param outputs a row for each record. @throws ServingError INVALID_REQUEST */
  rows(records: readonly SourceRecord[], outputs: readonly Tensor[]): string[];
  /** Lines with their ends, for rows that came together. @throws ServingError INVALID_REQUEST */
  block(record: SourceRecord, outputs: readonly Tensor[]): Uint8Array;
  /** @param json the prediction. */
  prediction(record: SourceRecord, json: string): string;
}

/**
 * @param hasTask whether the model declares a task, so that records other than requests become predictions
 */
export function createOutputEncoder(
  job: Job,
  lease: ModelLease,
  source: ShardSource,
  hasTask: boolean,
): OutputEncoder {
  return job.output.format === 'jsonl'
    ? createJsonLinesEncoder(job, lease)
    : createColumnEncoder(job, lease, source, hasTask);
}
