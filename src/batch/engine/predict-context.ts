import { type ServingError, toServingError } from '../../errors.ts';
import { type ModelConfiguration, maxBatchSizeOf } from '../../models/configuration.ts';
import type { PredictContext, Predictor } from '../../tasks/predictor.ts';
import type { JobModel, TaskLease } from '../job-model.ts';

/** What a task runs with in a job: its own session, and, for a pipeline, its stages as they are pinned. */
export function predictContextOf(model: JobModel, { lease, predictor }: TaskLease): PredictContext {
  const { session, configuration } = lease;
  return {
    run: (feeds, outputNames) =>
      session.run(
        session.inputs.flatMap(({ name }) => feeds.find((feed) => feed.name === name) ?? []),
        outputNames,
      ),
    maxBatchSize: inputsOfRun(predictor, configuration),
    withModel: async (name, version, use) => {
      const stage = await model.acquireStage(name, version);
      try {
        return await use(stage.predictor, predictContextOf(model, stage));
      } finally {
        stage.lease.release();
      }
    },
  };
}

/**
 * Media run one by one: they are run as they become ready, and which of them would share a run, and with that the last bit
 * of an answer, would be another one in each attempt. Convolutional networks gain nothing by several.
 */
function inputsOfRun({ accepts }: Predictor, configuration: ModelConfiguration): number {
  const isMedia = accepts === 'image' || accepts === 'audio';
  return isMedia ? 1 : maxBatchSizeOf(configuration, 'calls');
}

/**
 * What a record's failure is.
 *
 * @throws what is not about the record, for it is not to blame: what a stage of its pipeline fails with too
 */
export function refusal(model: JobModel, thrown: unknown): ServingError {
  const ofStage = model.failureOfStage(thrown);
  if (ofStage !== undefined) throw ofStage;
  const error = toServingError(thrown);
  if (error.retryable || error.code === 'INTERNAL' || error.code === 'MODEL_UNAVAILABLE') {
    throw thrown;
  }
  return error;
}
