import { maxBatchSizeOf } from '../models/configuration.ts';
import type { ModelLease, ModelProvider } from '../models/provider.ts';
import type { ModelReference, PinnedModel } from '../models/reference.ts';
import type { InferRequest, InferResponse } from '../protocol/infer.ts';
import { requestTimeoutMs } from '../protocol/parameters.ts';
import type { TensorMetadata } from '../protocol/tensor.ts';
import { validateInputs, validateRequestedOutputs } from '../protocol/validate.ts';
import type { MicroBatcher, RunResult } from './micro-batcher.ts';
import { type InferenceStatistics, rowsOf } from './statistics.ts';
import { noTimings, type Timings } from './timings.ts';

export interface InferenceOptions {
  readonly provider: ModelProvider;
  readonly batcher: MicroBatcher;
  readonly statistics: InferenceStatistics;
  /** Milliseconds of a clock that never runs back, with fractions. */
  readonly nowMs: () => number;
  /** Hears of each inference that succeeded. */
  readonly onInferred: (outcome: InferenceOutcome<unknown>) => void;
}

/** What a run came to, before it is encoded. */
export interface Inferred {
  readonly request: InferRequest;
  readonly response: InferResponse;
  readonly labels: readonly string[];
}

/** How a call's body becomes a request, and its response a body. */
export interface Codec<T> {
  /** Gets the model's inputs: a raw body has no other source for names and datatypes. */
  decode(inputs: readonly TensorMetadata[]): InferRequest | Promise<InferRequest>;
  encode(inferred: Inferred): T | Promise<T>;
}

/** What one call came to. */
export interface InferenceOutcome<T> {
  readonly answer: T;
  readonly pinned: PinnedModel;
  /** Whether the model was in memory. */
  readonly hit: boolean;
  readonly timings: Timings;
}

/** The use case of serving: a reference and a body in, an answer out. */
export class Inference {
  readonly #options: InferenceOptions;

  constructor(options: InferenceOptions) {
    this.#options = options;
  }

  /**
   * @throws ServingError NOT_FOUND, INVALID_REQUEST (what does not fit the model), MODEL_UNAVAILABLE, UNAVAILABLE,
   *   DEADLINE_EXCEEDED (the request's own `timeout` passed before it ran)
   */
  async infer<T>(reference: ModelReference, codec: Codec<T>): Promise<InferenceOutcome<T>> {
    const { provider, statistics, nowMs } = this.#options;
    const startMs = nowMs();
    const lease = await provider.acquire(reference);
    const { pinned, hit, loadTimes } = lease;
    const timings = noTimings();
    timings.downloadMs = loadTimes?.downloadMs ?? 0;
    timings.createMs = loadTimes?.createMs ?? 0;
    try {
      const inferred = await this.#run(lease, codec, timings, startMs);
      const encodeStartMs = nowMs();
      const answer = await codec.encode(inferred);
      timings.encodeMs = nowMs() - encodeStartMs;
      const rows = rowsOf(inferred.request.inputs, lease.session.inputs);
      statistics.succeeded(pinned, { rows, executions: inferred.executions }, timings);
      const outcome = { answer, pinned, hit, timings };
      this.#options.onInferred(outcome);
      return outcome;
    } catch (thrown) {
      statistics.failed(pinned, nowMs() - startMs);
      throw thrown;
    } finally {
      lease.release();
    }
  }

  async #run<T>(
    lease: ModelLease,
    codec: Codec<T>,
    timings: Timings,
    startMs: number,
  ): Promise<Inferred & Pick<RunResult, 'executions'>> {
    const { nowMs } = this.#options;
    const { session, pinned, labels, configuration } = lease;
    const decodeStartMs = nowMs();
    const request = await codec.decode(session.inputs);
    validateInputs(request.inputs, session.inputs);
    validateRequestedOutputs(request.outputs, session.outputs);
    timings.decodeMs = nowMs() - decodeStartMs;
    const timeoutMs = requestTimeoutMs(request.parameters);
    const { outputs, queueMs, runMs, executions } = await this.#options.batcher.run({
      session,
      inputs: request.inputs,
      outputNames: (request.outputs ?? session.outputs).map(({ name }) => name),
      maxBatchSize: maxBatchSizeOf(configuration, 'calls'),
      deadlineMs: timeoutMs === undefined ? undefined : startMs + timeoutMs,
    });
    timings.queueMs = queueMs;
    timings.runMs = runMs;
    const response: InferResponse = {
      modelName: pinned.model,
      modelVersion: pinned.version,
      id: request.id,
      parameters: {},
      outputs,
    };
    return { request, response, labels, executions };
  }
}
