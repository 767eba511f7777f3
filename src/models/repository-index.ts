import { toServingError } from '../errors.ts';
import type { ModelCatalog } from './catalog.ts';
import type { ModelConfiguration } from './configuration.ts';
import { mapLimited } from './map-limited.ts';
import type { IndexEntry } from './provider.ts';
import type { PinnedModel } from './reference.ts';
import { availableVersions, pin } from './selection.ts';
import { pipelineVersion } from './task/pipeline.ts';

/** Folders of the repository that an index reads side by side. */
const parallelLookups = 16;

/** What the last load of a version in this environment threw; undefined for none. */
export type FailureOf = (pinned: PinnedModel, configuration: ModelConfiguration) => unknown;

/** Every version that may be called, with the failures of this environment. @throws ServingError UNAVAILABLE */
export async function indexRepository(
  catalog: ModelCatalog,
  failureOf: FailureOf,
): Promise<readonly IndexEntry[]> {
  const models = await catalog.list();
  const entries = await mapLimited(models, parallelLookups, (model) =>
    indexModel(catalog, failureOf, model),
  );
  return entries.flat();
}

async function indexModel(
  catalog: ModelCatalog,
  failureOf: FailureOf,
  model: string,
): Promise<IndexEntry[]> {
  try {
    const { model: found, configuration } = await catalog.lookup(model);
    // Its models have entries of their own.
    if (configuration.task?.type === 'pipeline') {
      return [{ model, version: pipelineVersion, failure: undefined }];
    }
    return availableVersions(found, configuration).map((version) => {
      const failure = failureOf(pin(model, version), configuration);
      return { model, version: version.version, failure: messageOf(failure) };
    });
  } catch (thrown) {
    const error = toServingError(thrown);
    // It was taken away since the names were listed.
    if (error.code === 'NOT_FOUND') return [];
    return [{ model, version: '', failure: error.message }];
  }
}

function messageOf(failure: unknown): string | undefined {
  return failure === undefined ? undefined : toServingError(failure).message;
}
