import { preparedPrefix } from '../contract/keys.ts';
import { ServingError } from '../errors.ts';
import type { PinnedModel } from './reference.ts';
import type { RepositoryVersion } from './repository.ts';

/**
 * Refuses a version that the memory for models cannot hold, before anything is evicted or fetched for it. Artefacts
 * that were prepared for other kinds of machine are never loaded, and do not count.
 *
 * @throws ServingError MODEL_UNAVAILABLE with both sizes
 */
export function refuseTooLarge(
  pinned: PinnedModel,
  version: RepositoryVersion,
  memoryBudgetBytes: number,
): void {
  const neededBytes = version.files
    .filter(({ path }) => !path.startsWith(preparedPrefix))
    .reduce((sum, file) => sum + file.sizeBytes, 0);
  if (neededBytes <= memoryBudgetBytes) return;
  throw new ServingError(
    'MODEL_UNAVAILABLE',
    `model ${pinned.model} version ${pinned.version}: expected files of at most ${memoryBudgetBytes} bytes, ` +
      `which is what the function's memory leaves for models, got ${neededBytes}`,
  );
}
