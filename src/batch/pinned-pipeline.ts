import { createHash } from 'node:crypto';
import { ServingError } from '../errors.ts';
import type { ModelProvider } from '../models/provider.ts';
import type { ModelReference } from '../models/reference.ts';
import { type PipelineConfiguration, pipelineVersion } from '../models/task/pipeline.ts';
import type { PinnedJobModel, PinnedStage } from './job.ts';

/**
 * Pins what a job's model is now; of a pipeline also each model that it calls, so that no alias that is switched
 * later, and no share of the traffic, mixes versions.
 *
 * @throws ServingError NOT_FOUND when there is no such model or version, or none that a pipeline calls
 */
export async function pinModel(
  models: Pick<ModelProvider, 'resolve' | 'describe'>,
  reference: ModelReference,
): Promise<PinnedJobModel> {
  const { model, version } = reference;
  const { task } = (await models.describe(model)).configuration;
  if (task?.type !== 'pipeline') {
    const pinned = await models.resolve(reference);
    return { model: pinned.model, version: pinned.version, fingerprint: pinned.fingerprint };
  }
  if (version !== undefined && version !== pipelineVersion) {
    throw new ServingError('NOT_FOUND', `model ${model} has no version ${version}`);
  }
  const stages: PinnedStage[] = [];
  for (const step of task.steps) {
    if (step.operation !== 'predict' || findStage(stages, step) !== undefined) continue;
    const pinned = await models.resolve({ model: step.model, version: step.version });
    stages.push({
      model: step.model,
      named: step.version,
      version: pinned.version,
      fingerprint: pinned.fingerprint,
    });
  }
  return {
    model,
    version: pipelineVersion,
    fingerprint: fingerprintOfPipeline(task, stages),
    stages,
  };
}

/** Of a pipeline's configuration and of everything that it calls. */
export function fingerprintOfPipeline(
  task: PipelineConfiguration,
  stages: readonly PinnedStage[],
): string {
  const called = stages.map(({ model, named, version, fingerprint }) => [
    model,
    named ?? null,
    version,
    fingerprint,
  ]);
  return createHash('sha256').update(JSON.stringify({ task, called })).digest('hex');
}

/** What a step's own words of a model were pinned to. */
export function findStage(
  stages: readonly PinnedStage[],
  { model, version }: { readonly model: string; readonly version?: string | undefined },
): PinnedStage | undefined {
  return stages.find((stage) => stage.model === model && stage.named === version);
}
