import type { ServingError } from '../errors.ts';
import type { ModelLease } from '../models/provider.ts';
import { encodeInferResponse } from '../protocol/encode-response.ts';
import type { Tensor } from '../protocol/tensor.ts';
import type { DecodedRecord } from './decode.ts';
import type { SourceRecord } from './records.ts';
import type { ShardSource } from './shard.ts';

/** One response as a line of JSON. @throws ServingError INVALID_REQUEST when JSON has no form for a value */
export function encodeResponseLine(
  { pinned, labels }: Pick<ModelLease, 'pinned' | 'labels'>,
  record: DecodedRecord,
  outputs: readonly Tensor[],
): string {
  const response = {
    modelName: pinned.model,
    modelVersion: pinned.version,
    id: record.id,
    parameters: {},
    outputs,
  };
  const { body } = encodeInferResponse(response, record.requested, {
    binaryOutputs: false,
    labels,
  });
  return `${typeof body === 'string' ? body : Buffer.from(body).toString()}\n`;
}

/**
 * A failed record as a line of JSON. `number` counts from 1 within the shard's stretch of the input; the job's own
 * `errors.jsonl` counts from the start of the object.
 */
export function encodeErrorLine(
  source: ShardSource,
  record: SourceRecord,
  id: string | undefined,
  error: ServingError,
): string {
  const entry = {
    input: source.object.key,
    number: record.number + 1,
    offset: record.offset,
    bytes: record.sizeBytes,
    id,
    code: error.code,
    reason: error.message,
  };
  return `${JSON.stringify(entry)}\n`;
}

/** The id of a record that could not be decoded, as far as it can be told. */
export function idOf({ bytes }: SourceRecord): string | undefined {
  if (bytes === undefined) return undefined;
  try {
    const document: unknown = JSON.parse(Buffer.from(bytes).toString());
    if (typeof document !== 'object' || document === null || !('id' in document)) return undefined;
    return typeof document.id === 'string' ? document.id : undefined;
  } catch {
    return undefined;
  }
}
