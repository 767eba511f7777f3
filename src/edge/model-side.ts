import { readFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import type { S3Client } from '@aws-sdk/client-s3';
import { DiskVersionFiles } from '../adapters/disk/version-files.ts';
import { createSessionFactory } from '../adapters/onnxruntime/session-factory.ts';
import { S3ModelRepository } from '../adapters/s3/model-repository.ts';
import { referencedObjects } from '../adapters/s3/referenced-objects.ts';
import { machineTarget } from '../contract/target.ts';
import { Predictors } from '../inference/predictors.ts';
import { ModelCatalog } from '../models/catalog.ts';
import type { ModelEvents } from '../models/model-events.ts';
import { ModelService } from '../models/model-service.ts';
import { VersionLoader } from '../models/version-loader.ts';
import type { MediaDecoders } from '../tasks/ports.ts';
import type { PredictServices } from '../tasks/wire/handle.ts';
import { kernelRandom } from './randomness.ts';
import { Recycler } from './recycler.ts';
import type { ModelSettings } from './settings.ts';

/** A published change is seen by an idle environment at once, and by a busy one within these. */
const refreshAfterMs = 2_500;
const expireAfterMs = 5_000;
/** For so long a call waits for what is newer than what it could have at once: a listing, a new version. */
const patienceMs = 2_000;
const failureTtlMs = 5_000;

/** Share of the function's memory that may be used before Lambda's own limit is near. */
const usableShare = 0.9;
/** Node, the bundle, ONNX Runtime and the bodies of a call; measured in docs/performance.md. */
const baseBytes = 200 * 1024 * 1024;
const minimumBudgetBytes = 64 * 1024 * 1024;

/** Share of the function's memory above which the environment is not kept. */
const ceilingShare = 0.95;

/** Watches over the memory of an environment that holds models. */
export function createRecycler(
  settings: ModelSettings,
  models: ModelService,
  onRecycle: (residentBytes: number) => void,
): Recycler {
  return new Recycler({
    ceilingBytes: settings.memoryBytes * ceilingShare,
    residentBytes: () => process.memoryUsage.rss(),
    nowMs: () => performance.now(),
    release: () => models.releaseIdle(),
    exit: () => process.exit(0),
    onRecycle,
  });
}

/** The media libraries, whose adapters are loaded by the first task that needs one. */
async function mediaDecoders(): Promise<MediaDecoders> {
  const { createMediaDecoders } = await import('../adapters/media/decoders.ts');
  return createMediaDecoders();
}

/** What predictions use beside their models. Requests may refer to objects of the jobs bucket. */
export function predictServices(
  s3: S3Client,
  jobsBucket: string | undefined,
): () => Promise<PredictServices> {
  const fetchObject = referencedObjects(s3, jobsBucket);
  return async () => ({ ...(await mediaDecoders()), fetchObject });
}

/** Loaded models, and the predictors of those that declare a task. */
export interface ModelSide {
  readonly models: ModelService;
  readonly predictors: Predictors;
}

/**
 * The session cache of an environment, from settings: repository, disk tier, memory tier.
 *
 * @param random uniform in [0, 1): draws versions by traffic shares
 */
export function createModelSide(
  settings: ModelSettings,
  s3: S3Client,
  events: ModelEvents,
  random: () => number = kernelRandom,
): ModelSide {
  const nowMs = () => performance.now();
  const repository = new S3ModelRepository(s3, settings.modelsBucket);
  const files = new DiskVersionFiles({
    repository,
    directory: settings.cacheDirectory,
    budgetBytes: settings.cacheDiskBytes,
    nowMs,
    releaseFiles: () => models.releaseFiles(),
  });
  const predictors = new Predictors(mediaDecoders);
  const loader = new VersionLoader({
    repository,
    files,
    sessions: createSessionFactory(settings.executionProviders),
    intraOpThreads: settings.intraOpThreads,
    target: machineTarget(),
    nowMs,
    residentBytes: () => process.memoryUsage.rss(),
    // The decoder leaves out the byte order mark that Windows' editors write.
    readLocalText: async (path) => new TextDecoder().decode(await readFile(path)),
    bind: (bound) => predictors.bind(bound),
  });
  const delay = (ms: number) => setTimeout(ms, undefined, { ref: false });
  const catalog = new ModelCatalog({
    repository,
    nowMs,
    delay,
    refreshAfterMs,
    expireAfterMs,
    patienceMs,
    onStale: events.staleCatalog,
  });
  const models: ModelService = new ModelService({
    catalog,
    loader,
    memoryBudgetBytes: Math.max(
      minimumBudgetBytes,
      Math.floor(settings.memoryBytes * usableShare - baseBytes),
    ),
    failureTtlMs,
    nowMs,
    delay,
    patienceMs,
    random,
    events,
  });
  return { models, predictors };
}
