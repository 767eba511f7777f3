import { ServingError } from '../errors.ts';
import type { Session } from '../models/session.ts';
import { decodeInferRequest } from '../protocol/decode-request.ts';
import type { RequestedOutput } from '../protocol/infer.ts';
import { validateInputs, validateRequestedOutputs } from '../protocol/validate.ts';
import type { Job } from './job.ts';
import { maximumRecordBytes, type SourceRecord } from './records.ts';
import type { Runnable } from './run-together.ts';

/** A record as the model takes it. */
export interface DecodedRecord extends Runnable {
  /** The input's own id. */
  readonly id: string | undefined;
  readonly requested: readonly RequestedOutput[] | undefined;
}

export type RecordDecoder = (record: SourceRecord) => DecodedRecord;

/**
 * How the records of a job become tensors.
 *
 * @returns a function that throws ServingError for a record that is not as the model takes it
 */
export function createDecoder(job: Job, session: Session): RecordDecoder {
  const allOutputs = job.output.names ?? session.outputs.map(({ name }) => name);
  return (record) => {
    if (record.bytes === undefined) {
      throw new ServingError(
        'PAYLOAD_TOO_LARGE',
        `record: expected at most ${maximumRecordBytes} bytes, got ${record.sizeBytes}`,
      );
    }
    const request = decodeInferRequest(record.bytes, {}, session.inputs);
    validateInputs(request.inputs, session.inputs);
    validateRequestedOutputs(request.outputs, session.outputs);
    return {
      id: request.id,
      // In the model's own order: requests that differ in the order of their inputs can then share a run.
      inputs: session.inputs.flatMap(
        ({ name }) => request.inputs.find((input) => input.name === name) ?? [],
      ),
      outputNames: request.outputs?.map(({ name }) => name) ?? allOutputs,
      requested: request.outputs?.map((output) => ({ ...output, binary: false })),
    };
  };
}
