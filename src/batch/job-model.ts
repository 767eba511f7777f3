import { ServingError } from '../errors.ts';
import type { ModelLease } from '../models/provider.ts';
import type { PinnedModel } from '../models/reference.ts';
import type { Session } from '../models/session.ts';
import { quote } from '../protocol/fields.ts';
import type { TensorMetadata } from '../protocol/tensor.ts';
import type { Predictor } from '../tasks/predictor.ts';
import { type Job, type PinnedJobModel, requestRouteOf } from './job.ts';
import { findStage, fingerprintOfPipeline } from './pinned-pipeline.ts';
import type { TransformContext } from './ports.ts';

/** A job's model, ready to run, exactly as it was pinned when the job was planned. */
export interface JobModel {
  /** Of a pipeline: without a session of its own. */
  readonly lease: ModelLease;
  /** undefined for a model that declares no task. */
  readonly predictor: Predictor | undefined;
  /**
   * A model that a pipeline calls.
   *
   * @throws ServingError CONFLICT when it was replaced, and as `ModelProvider.acquire` does; `failureOfStage` finds it
   */
  acquireStage(model: string, version: string | undefined): Promise<TaskLease>;
  /** The failure of a stage for which something was thrown; undefined where the record may be to blame. */
  failureOfStage(thrown: unknown): Error | undefined;
}

/** A model that declares a task: one that a pipeline calls, or the pipeline itself. */
export interface TaskLease {
  readonly lease: ModelLease;
  readonly predictor: Predictor;
}

/**
 * @throws ServingError CONFLICT when it is another by now, NOT_FOUND when it lacks an output that the job names, and as
 *   `ModelProvider.acquire` does
 */
export async function acquireJobModel(context: TransformContext, job: Job): Promise<JobModel> {
  const { model, output } = job;
  if (model.stages !== undefined) return acquirePipeline(context, model, model.stages);
  const lease = await acquirePinned(context, model);
  const predictor = context.predictors.of(lease.session);
  if (predictor === undefined && requestRouteOf(job) === 'predict') {
    lease.release();
    throw declaresNoTask(model.model);
  }
  const missing = output.names?.find((name) => !lease.session.outputs.some(isCalled(name)));
  if (missing !== undefined) {
    lease.release();
    throw lacksOutput(missing, lease);
  }
  return {
    lease,
    predictor,
    acquireStage: () => {
      throw new Error('only a pipeline calls other models');
    },
    failureOfStage: () => undefined,
  };
}

async function acquirePipeline(
  context: TransformContext,
  pinned: PinnedJobModel,
  stages: NonNullable<PinnedJobModel['stages']>,
): Promise<JobModel> {
  const { configuration } = await context.models.describe(pinned.model);
  const { task } = configuration;
  if (task?.type !== 'pipeline' || fingerprintOfPipeline(task, stages) !== pinned.fingerprint) {
    throw replaced(pinned);
  }
  // Before any record is at it: a stage that is not what it was fails the job, and once.
  for (const stage of stages) (await acquirePinned(context, stage)).release();
  const failures = new Set<unknown>();
  return {
    lease: {
      pinned,
      configuration,
      session: noSession,
      labels: [],
      hit: true,
      loadTimes: undefined,
      release: () => undefined,
    },
    predictor: await context.predictors.pipeline(pinned.model, configuration),
    acquireStage: async (model, version) => {
      try {
        const stage = findStage(stages, { model, version });
        if (stage === undefined) throw replaced(pinned);
        const lease = await acquirePinned(context, stage);
        const predictor = context.predictors.of(lease.session);
        if (predictor !== undefined) return { lease, predictor };
        lease.release();
        throw declaresNoTask(model);
      } catch (thrown) {
        failures.add(thrown);
        throw thrown;
      }
    },
    failureOfStage: (thrown) => causesOf(thrown).find((cause) => failures.has(cause)),
  };
}

/** What was thrown, and what it was thrown for: a failure is thrown again with the input's place in its message. */
function causesOf(thrown: unknown): readonly Error[] {
  return thrown instanceof Error ? [thrown, ...causesOf(thrown.cause)] : [];
}

/** Its models have sessions; records that are tensors are refused, for it takes none. */
const noSession: Session = {
  inputs: [],
  outputs: [],
  run: () => {
    throw new Error('a pipeline has no session of its own');
  },
  release: async () => undefined,
};

async function acquirePinned(
  { models }: TransformContext,
  pinned: PinnedModel,
): Promise<ModelLease> {
  const { model, version, fingerprint } = pinned;
  const reference = { model, version };
  // What stands in its place may not even load: that it was replaced is the better reason.
  if ((await models.resolve(reference)).fingerprint !== fingerprint) throw replaced(pinned);
  const lease = await models.acquire(reference);
  if (lease.pinned.fingerprint === fingerprint) return lease;
  lease.release();
  throw replaced(pinned);
}

function declaresNoTask(model: string): ServingError {
  return new ServingError('MODEL_UNAVAILABLE', `model ${model} declares no task`);
}

function isCalled(name: string) {
  return (tensor: TensorMetadata) => tensor.name === name;
}

function lacksOutput(name: string, { pinned, session }: ModelLease): ServingError {
  const known = session.outputs.map((output) => quote(output.name)).join(', ');
  return new ServingError(
    'NOT_FOUND',
    `output.names: expected outputs of model ${pinned.model} version ${pinned.version} (${known}), got ${quote(name)}`,
  );
}

function replaced({ model, version }: PinnedModel): ServingError {
  return new ServingError(
    'CONFLICT',
    `model ${model} version ${version} was replaced after the job was planned`,
  );
}
