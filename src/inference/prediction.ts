import { ServingError } from '../errors.ts';
import { type ModelConfiguration, maxBatchSizeOf } from '../models/configuration.ts';
import type { ModelLease, ModelProvider } from '../models/provider.ts';
import type { ModelReference } from '../models/reference.ts';
import { pipelineVersion } from '../models/task/pipeline.ts';
import type { PredictContext, Predictor } from '../tasks/predictor.ts';
import type { PredictCall, PredictServices } from '../tasks/wire/handle.ts';
import type { PredictAnswer } from '../tasks/wire/response.ts';
import type { InferenceOutcome } from './inference.ts';
import type { MicroBatcher } from './micro-batcher.ts';
import type { Predictors } from './predictors.ts';
import { type InferenceStatistics, noWork, rowsOf, type Work } from './statistics.ts';
import { noTimings, type Timings } from './timings.ts';

export interface PredictionOptions {
  readonly provider: ModelProvider;
  readonly predictors: Predictors;
  readonly batcher: MicroBatcher;
  readonly statistics: InferenceStatistics;
  /** Decoders and storage for what requests refer to; called once a prediction needs them. */
  readonly services: () => Promise<PredictServices>;
  readonly nowMs: () => number;
  readonly onPredicted: (outcome: PredictionOutcome) => void;
}

export type PredictionOutcome = Omit<InferenceOutcome<PredictAnswer>, 'pinned'>;

/** The use case of the tasks: pictures, sentences, sound and rows in, answers out. */
export class Prediction {
  readonly #options: PredictionOptions;

  constructor(options: PredictionOptions) {
    this.#options = options;
  }

  /**
   * @throws ServingError NOT_FOUND, MODEL_UNAVAILABLE, UNAVAILABLE; INVALID_REQUEST for a model without a task; 4xx that
   *   names the field or input
   */
  async predict(reference: ModelReference, call: PredictCall): Promise<PredictionOutcome> {
    const pipeline = await this.pipelineOf(reference);
    const outcome =
      pipeline === undefined
        ? await this.#predictWithSession(reference, call)
        : await this.#predictWithPipeline(reference.model, pipeline, call);
    this.#options.onPredicted(outcome);
    return outcome;
  }

  /**
   * What a model does that is a graph of others; undefined for one with a session of its own.
   *
   * @throws ServingError NOT_FOUND; MODEL_UNAVAILABLE when its steps do not fit together
   */
  async pipelineOf({ model, version }: ModelReference): Promise<Predictor | undefined> {
    const { configuration } = await this.#options.provider.describe(model);
    const pipeline = await this.#options.predictors.pipeline(model, configuration);
    if (pipeline !== undefined && version !== undefined && version !== pipelineVersion) {
      throw new ServingError('NOT_FOUND', `model ${model} has no version ${version}`);
    }
    return pipeline;
  }

  /**
   * Brings what answers a reference into memory: its version or, for a pipeline, the models of its steps one after the
   * other.
   *
   * @throws as `pipelineOf` and `ModelProvider.acquire` do
   */
  async load(reference: ModelReference): Promise<void> {
    const { provider } = this.#options;
    const wanted = [reference];
    if ((await this.pipelineOf(reference)) !== undefined) {
      const { configuration } = await provider.describe(reference.model);
      wanted.splice(0, 1, ...modelsOfPipeline(configuration));
    }
    for (const each of wanted) (await provider.acquire(each)).release();
  }

  /** Whether a model takes raw things: it declares a task. @throws ServingError NOT_FOUND */
  async hasTask(model: string): Promise<boolean> {
    const { configuration } = await this.#options.provider.describe(model);
    return configuration.task !== undefined;
  }

  async #predictWithSession(
    reference: ModelReference,
    call: PredictCall,
  ): Promise<PredictionOutcome> {
    const { provider, statistics, nowMs } = this.#options;
    const lease = await provider.acquire(reference);
    const { pinned, hit, loadTimes } = lease;
    const timings: Timings = { ...noTimings(), ...loadTimes };
    const work = noWork();
    const startMs = nowMs();
    try {
      const predictor = this.#predictorOf(lease);
      const answer = await this.#answer(
        predictor,
        pinned,
        call,
        this.#context(lease, timings, work),
      );
      timings.decodeMs = nowMs() - startMs - timings.queueMs - timings.runMs;
      statistics.succeeded(pinned, work, timings);
      return { answer, hit, timings };
    } catch (thrown) {
      statistics.failed(pinned, nowMs() - startMs);
      throw thrown;
    } finally {
      lease.release();
    }
  }

  async #predictWithPipeline(
    model: string,
    predictor: Predictor,
    call: PredictCall,
  ): Promise<PredictionOutcome> {
    const { statistics, nowMs } = this.#options;
    const pinned = { model, version: pipelineVersion, fingerprint: '' };
    const timings = noTimings();
    const work = noWork();
    const startMs = nowMs();
    const context: PredictContext = {
      run: () => {
        throw new Error('a pipeline has no session of its own');
      },
      maxBatchSize: 1,
      withModel: this.#withModel(timings, work),
    };
    try {
      const answer = await this.#answer(predictor, pinned, call, context);
      const loadMs = timings.downloadMs + timings.createMs;
      timings.decodeMs = nowMs() - startMs - timings.queueMs - timings.runMs - loadMs;
      // One picture, however many regions of it the models were run on.
      statistics.succeeded(pinned, { rows: 1, executions: work.executions }, timings);
      return { answer, hit: timings.createMs === 0, timings };
    } catch (thrown) {
      statistics.failed(pinned, nowMs() - startMs);
      throw thrown;
    }
  }

  async #answer(
    predictor: Predictor,
    { model, version }: { readonly model: string; readonly version: string },
    call: PredictCall,
    context: PredictContext,
  ): Promise<PredictAnswer> {
    const { handlePredict } = await import('../tasks/wire/handle.ts');
    const services = await this.#options.services();
    return handlePredict(predictor, { name: model, version }, call, context, services);
  }

  #predictorOf({ session, pinned }: ModelLease): Predictor {
    const predictor = this.#options.predictors.of(session);
    if (predictor !== undefined) return predictor;
    throw declaresNoTask(pinned.model);
  }

  /** What a predictor runs with; its runs and their time are added up. */
  #context({ session, configuration }: ModelLease, timings: Timings, work: Work): PredictContext {
    const { batcher } = this.#options;
    const maxBatchSize = maxBatchSizeOf(configuration, 'calls');
    return {
      run: async (inputs, outputNames) => {
        const result = await batcher.run({
          session,
          inputs,
          outputNames,
          maxBatchSize,
          deadlineMs: undefined,
        });
        timings.queueMs += result.queueMs;
        timings.runMs += result.runMs;
        work.rows += rowsOf(inputs, session.inputs);
        work.executions += result.executions;
        return result.outputs;
      },
      maxBatchSize,
      // What counts it is the model that is called, not those that it calls.
      withModel: this.#withModel(timings, noWork()),
    };
  }

  #withModel(timings: Timings, work: Work): PredictContext['withModel'] {
    return async (model, version, use) => {
      const lease = await this.#options.provider.acquire({ model, version });
      timings.downloadMs += lease.loadTimes?.downloadMs ?? 0;
      timings.createMs += lease.loadTimes?.createMs ?? 0;
      try {
        return await use(this.#predictorOf(lease), this.#context(lease, timings, work));
      } finally {
        lease.release();
      }
    };
  }
}

/** The models that a pipeline's steps call. */
function modelsOfPipeline({ task }: ModelConfiguration): readonly ModelReference[] {
  if (task?.type !== 'pipeline') return [];
  return task.steps.flatMap((step) =>
    step.operation === 'predict' ? [{ model: step.model, version: step.version }] : [],
  );
}

/** Why a model takes tensors alone. */
export function declaresNoTask(model: string): ServingError {
  return new ServingError(
    'INVALID_REQUEST',
    `model ${model} declares no task: expected a task in its config.json, or tensors on its infer route`,
  );
}
