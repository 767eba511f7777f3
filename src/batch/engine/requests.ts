import { ServingError, toServingError } from '../../errors.ts';
import { countRows } from '../../inference/stacking.ts';
import type { Session } from '../../models/session.ts';
import { decodeInferRequest } from '../../protocol/decode-request.ts';
import type { RequestedOutput } from '../../protocol/infer.ts';
import type { Tensor } from '../../protocol/tensor.ts';
import { validateInputs, validateRequestedOutputs } from '../../protocol/validate.ts';
import type { Job } from '../job.ts';
import { type Runnable, runTogether } from '../run-together.ts';
import { recordAt, type SourceRecord } from '../source-record.ts';
import type { Engine, EngineContext, RecordOutcome } from './engine.ts';
import { skipSpace } from './json-places.ts';
import type { ResponseWriter } from './output-encoder.ts';
import { type PlainRequests, RequestPattern } from './plain-requests.ts';

/** A request as the model takes it. */
export interface DecodedRequest extends Runnable {
  readonly id: string | undefined;
  readonly requested: readonly RequestedOutput[] | undefined;
  /** Its tensors in the order in which it has them. */
  readonly ownOrder: readonly Tensor[];
}

const marker = Buffer.from('"inputs"');

/** Whether a record is a request of the Open Inference Protocol: a line of JSON that says `inputs`. */
export function isRequest({ content }: SourceRecord): boolean {
  return (
    content.kind === 'line' &&
    content.bytes[skipSpace(content.bytes, 0)] === 0x7b &&
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

  /**
   * Requests that came together and are written alike: they are never taken apart while all is well.
   *
   * @returns undefined when each has to be looked at by itself
   */
  async transformBlock(
    block: SourceRecord,
    rowsPerRun: number,
  ): Promise<RecordOutcome | undefined> {
    const { job, lease, encoder } = this.#context;
    if (block.content.kind !== 'lines') return undefined;
    const first = recordAt(block, 0);
    if (first.content.kind !== 'line' || !isRequest(first)) return undefined;
    const decoded = decode(first, job, lease.session);
    if (decoded instanceof ServingError) return undefined;
    const write = encoder.responses(decoded);
    if (write === undefined) return undefined;
    const pattern = RequestPattern.of(first.content.bytes, decoded.ownOrder);
    if (pattern === undefined) return undefined;
    const rows = rowsPerRun > 1 ? countRows(decoded.inputs) : undefined;
    const together = Math.max(1, rows === undefined ? 1 : Math.floor(rowsPerRun / rows));
    const parts: Uint8Array[] = [];
    for (let start = 0; start < block.count; start += together) {
      const end = Math.min(start + together, block.count);
      const requests = pattern.read(block.content.lines, start, end);
      const lines =
        requests === undefined
          ? undefined
          : await this.#answer(decoded, requests, end - start, write);
      if (lines === undefined) return undefined;
      parts.push(lines);
    }
    return { lines: parts };
  }

  async #answer(
    first: DecodedRequest,
    { inputs, ids }: PlainRequests,
    requests: number,
    write: ResponseWriter,
  ): Promise<Uint8Array | undefined> {
    const { lease } = this.#context;
    const feeds = first.inputs.flatMap(
      ({ name }) => inputs.find((input) => input.name === name) ?? [],
    );
    try {
      const outputs = await lease.session.run(feeds, first.outputNames);
      const rows = countRows(feeds);
      const aligned = requests === 1 || outputs.every(({ shape }) => shape[0] === rows);
      return aligned ? write(outputs, requests, ids) : undefined;
    } catch (thrown) {
      if (thrown instanceof ServingError && thrown.code === 'INVALID_REQUEST') return undefined;
      throw thrown;
    }
  }

  async sample(records: readonly SourceRecord[]): Promise<Runnable[]> {
    const { job, lease } = this.#context;
    return records.map((record) => decode(record, job, lease.session)).filter(isDecoded);
  }
}

function isDecoded(one: DecodedRequest | ServingError): one is DecodedRequest {
  return !(one instanceof ServingError);
}

/** What a record may have was looked at when it was read. */
const recordLimits = { maximumTextBytes: Number.POSITIVE_INFINITY };

function decode(record: SourceRecord, job: Job, session: Session): DecodedRequest | ServingError {
  const { content } = record;
  if (content.kind !== 'line') return new ServingError('INTERNAL', 'internal error');
  try {
    const request = decodeInferRequest(content.bytes, recordLimits, session.inputs);
    validateInputs(request.inputs, session.inputs);
    validateRequestedOutputs(request.outputs, session.outputs);
    return {
      id: request.id,
      ownOrder: request.inputs,
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
