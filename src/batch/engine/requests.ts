import { ServingError, toServingError } from '../../errors.ts';
import type { Session } from '../../models/session.ts';
import { decodeInferRequest } from '../../protocol/decode-request.ts';
import type { RequestedOutput } from '../../protocol/infer.ts';
import { validateInputs, validateRequestedOutputs } from '../../protocol/validate.ts';
import type { Job } from '../job.ts';
import { type Runnable, runTogether } from '../run-together.ts';
import type { SourceRecord } from '../source-record.ts';
import type { Engine, EngineContext, RecordOutcome } from './engine.ts';

/** A request as the model takes it. */
export interface DecodedRequest extends Runnable {
  readonly id: string | undefined;
  readonly requested: readonly RequestedOutput[] | undefined;
}

const marker = Buffer.from('"inputs"');

/** Whether a record is a request of the Open Inference Protocol: a line of JSON that says `inputs`. */
export function isRequest({ content }: SourceRecord): boolean {
  return (
    content.kind === 'line' &&
    content.bytes[0] === 0x7b &&
    Buffer.from(content.bytes.buffer, content.bytes.byteOffset, content.bytes.byteLength).includes(
      marker,
    )
  );
}

/** Requests of the Open Inference Protocol, one a line, each answered by a response. */
export class RequestEngine implements Engine {
  readonly takesBlocks = false;
  readonly #context: EngineContext;

  constructor(context: EngineContext) {
    this.#context = context;
  }

  async transform(records: readonly SourceRecord[], rowsPerRun: number): Promise<RecordOutcome[]> {
    const { job, lease, encoder } = this.#context;
    const decoded = records.map((record) => decode(record, job, lease.session));
    const runnable = decoded.filter(isDecoded);
    const results = (await runTogether(lease.session, runnable, { rowsPerRun })).values();
    return decoded.map((one, index): RecordOutcome => {
      const record = records[index];
      if (record === undefined || one instanceof ServingError) {
        return { error: toServingError(one), id: idOf(record) };
      }
      const result = results.next().value;
      if (result === undefined || result instanceof ServingError) {
        return { error: toServingError(result), id: one.id };
      }
      try {
        return { line: encoder.response(record, one, result) };
      } catch (thrown) {
        return { error: toServingError(thrown), id: one.id };
      }
    });
  }

  async sample(records: readonly SourceRecord[]): Promise<Runnable[]> {
    const { job, lease } = this.#context;
    return records.map((record) => decode(record, job, lease.session)).filter(isDecoded);
  }
}

function isDecoded(one: DecodedRequest | ServingError): one is DecodedRequest {
  return !(one instanceof ServingError);
}

function decode(record: SourceRecord, job: Job, session: Session): DecodedRequest | ServingError {
  const { content } = record;
  if (content.kind !== 'line') return new ServingError('INTERNAL', 'internal error');
  try {
    const request = decodeInferRequest(content.bytes, {}, session.inputs);
    validateInputs(request.inputs, session.inputs);
    validateRequestedOutputs(request.outputs, session.outputs);
    return {
      id: request.id,
      // In the model's own order: requests that differ in the order of their inputs can then share a run.
      inputs: session.inputs.flatMap(
        ({ name }) => request.inputs.find((input) => input.name === name) ?? [],
      ),
      outputNames:
        request.outputs?.map(({ name }) => name) ??
        job.output.names ??
        session.outputs.map(({ name }) => name),
      requested: request.outputs?.map((output) => ({ ...output, binary: false })),
    };
  } catch (thrown) {
    return toServingError(thrown);
  }
}

/** The id of a record that could not be decoded, as far as it can be told. */
export function idOf(record: SourceRecord | undefined): string | undefined {
  if (record?.content.kind !== 'line') return undefined;
  try {
    const document: unknown = JSON.parse(Buffer.from(record.content.bytes).toString());
    if (typeof document !== 'object' || document === null || !('id' in document)) return undefined;
    return typeof document.id === 'string' ? document.id : undefined;
  } catch {
    return undefined;
  }
}
