import { preparedPrefix } from '../contract/keys.ts';
import { ServingError, toServingError } from '../errors.ts';
import type { ModelCatalog } from './catalog.ts';
import type { ModelConfiguration } from './configuration.ts';
import { type Lease, LeaseCache } from './lease-cache.ts';
import type {
  IndexEntry,
  LoadedModel,
  ModelAdministration,
  ModelLease,
  ModelProvider,
  ModelSummary,
} from './provider.ts';
import type { ModelReference, PinnedModel } from './reference.ts';
import type { RepositoryVersion } from './repository.ts';
import { availableVersions, pin, selectVersion } from './selection.ts';
import type { LoadedVersion, VersionLoader } from './version-loader.ts';

/** Things that happen to models in this environment; told to whoever counts and logs. */
export interface ModelEvents {
  loaded(version: LoadedVersion): void;
  released(pinned: PinnedModel): void;
  loadFailed(pinned: PinnedModel, reason: ServingError): void;
  /** A new version could not be loaded, and the one before it goes on serving. */
  keptServing(pinned: PinnedModel, reason: ServingError): void;
  /** The repository could not be read anew, and what was known goes on serving. */
  staleCatalog(model: string, reason: unknown): void;
}

export interface ModelServiceOptions {
  readonly catalog: ModelCatalog;
  readonly loader: VersionLoader;
  /** Bytes of memory that sessions may fill. */
  readonly memoryBudgetBytes: number;
  /** How long a broken version is answered from memory. */
  readonly failureTtlMs: number;
  readonly nowMs: () => number;
  /** Uniform in [0, 1): draws the version when traffic is shared. */
  readonly random: () => number;
  readonly events: ModelEvents;
}

interface Resolution {
  readonly pinned: PinnedModel;
  readonly version: RepositoryVersion;
  readonly configuration: ModelConfiguration;
}

/** Folders of the repository that an index reads side by side. */
const parallelLookups = 16;

/** Sessions take more than the file: weights once, and what optimising and prepacking need meanwhile. */
const memoryPerFileByte = 1.5;

/** The session cache over the repository: references in, leased sessions out. */
export class ModelService implements ModelProvider, ModelAdministration {
  readonly #options: ModelServiceOptions;
  readonly #sessions: LeaseCache<LoadedVersion>;
  /** The last version that each reference was served by: it serves on when its successor cannot be loaded. */
  readonly #lastGood = new Map<string, { readonly key: string; readonly version: string }>();

  constructor(options: ModelServiceOptions) {
    this.#options = options;
    this.#sessions = new LeaseCache({
      budgetBytes: options.memoryBudgetBytes,
      dispose: (_key, loaded) => {
        options.events.released(loaded.pinned);
        return loaded.session.release();
      },
      nowMs: options.nowMs,
      failureTtlMs: options.failureTtlMs,
      remembers: (thrown) => !toServingError(thrown).retryable,
    });
  }

  async resolve(reference: ModelReference): Promise<PinnedModel> {
    return (await this.#resolve(reference)).pinned;
  }

  async describe(model: string): Promise<ModelSummary> {
    const entry = await this.#options.catalog.lookup(model);
    const versions = availableVersions(entry.model, entry.configuration);
    return {
      model,
      versions: versions.map(({ version }) => version),
      configuration: entry.configuration,
    };
  }

  async acquire(reference: ModelReference): Promise<ModelLease> {
    const resolution = await this.#resolve(reference);
    const key = sessionKey(resolution);
    const referenceKey = `${reference.model}\n${reference.version ?? ''}`;
    let lease: Lease<LoadedVersion>;
    try {
      lease = await this.#sessions.acquire(key, expectedBytes(resolution.version), async () => {
        const { pinned, version, configuration } = resolution;
        this.#refuseTooLarge(resolution);
        const loaded = await this.#options.loader.load(pinned, version, configuration);
        this.#options.events.loaded(loaded);
        return {
          value: loaded,
          sizeBytes: loaded.sizeBytes,
          costMs: loaded.downloadMs + loaded.createMs,
        };
      });
    } catch (thrown) {
      return this.#keepServing(referenceKey, resolution, toServingError(thrown));
    }
    this.#remember(referenceKey, key, resolution.pinned.version);
    return toModelLease(lease, resolution.configuration);
  }

  /** Forgets what is known of a model's folder, so that the next call reads it anew. */
  forget(model: string): void {
    this.#options.catalog.forget(model);
  }

  /** Reads a model's folder anew, as an idle environment does at its next call. */
  async refresh(model: string): Promise<void> {
    await this.#options.catalog.refresh(model);
  }

  async index(): Promise<readonly IndexEntry[]> {
    const models = await this.#options.catalog.list();
    const entries = await mapLimited(models, parallelLookups, (model) => this.#indexModel(model));
    return entries.flat();
  }

  async load(model: string): Promise<void> {
    await this.refresh(model);
    const lease = await this.acquire({ model, version: undefined });
    lease.release();
  }

  /** Releases the less worthy half of what nobody uses. @returns whether there was anything to release */
  releaseIdle(): boolean {
    const before = this.#sessions.size;
    this.#sessions.shrinkTo(this.#sessions.totalBytes / 2);
    return this.#sessions.size < before;
  }

  inMemory(): readonly LoadedModel[] {
    return this.#sessions.values().map(({ pinned, session }) => ({
      ...pinned,
      inputs: session.inputs,
      outputs: session.outputs,
    }));
  }

  unload(model: string): void {
    this.#options.catalog.forget(model);
    const fingerprints = this.#sessions
      .values()
      .filter(({ pinned }) => pinned.model === model)
      .map(({ pinned }) => pinned.fingerprint);
    for (const key of this.#sessions.keys()) {
      if (fingerprints.some((fingerprint) => key.startsWith(fingerprint))) this.#sessions.drop(key);
    }
  }

  async #resolve(reference: ModelReference): Promise<Resolution> {
    const { model, configuration } = await this.#options.catalog.lookup(reference.model);
    const version = selectVersion(model, configuration, reference.version, this.#options.random);
    return { pinned: pin(reference.model, version), version, configuration };
  }

  async #indexModel(model: string): Promise<IndexEntry[]> {
    try {
      const { model: found, configuration } = await this.#options.catalog.lookup(model);
      return availableVersions(found, configuration).map((version) => {
        const key = sessionKey({ pinned: pin(model, version), version, configuration });
        const failure = this.#sessions.failureOf(key);
        return { model, version: version.version, failure: messageOf(failure) };
      });
    } catch (thrown) {
      const error = toServingError(thrown);
      // It was taken away since the names were listed.
      if (error.code === 'NOT_FOUND') return [];
      return [{ model, version: '', failure: error.message }];
    }
  }

  #refuseTooLarge({ pinned, version }: Resolution): void {
    const neededBytes = modelBytes(version);
    const { memoryBudgetBytes } = this.#options;
    if (neededBytes <= memoryBudgetBytes) return;
    throw new ServingError(
      'MODEL_UNAVAILABLE',
      `model ${pinned.model} version ${pinned.version}: expected files of at most ${memoryBudgetBytes} bytes, ` +
        `which is what the function's memory leaves for models, got ${neededBytes}`,
    );
  }

  #remember(referenceKey: string, key: string, version: string): void {
    const before = this.#lastGood.get(referenceKey);
    if (before?.key === key) return;
    this.#lastGood.set(referenceKey, { key, version });
    // The same version with other bytes: nobody can call the earlier ones again. Another version anybody can.
    if (before?.version === version) this.#sessions.drop(before.key);
  }

  #keepServing(referenceKey: string, wanted: Resolution, reason: ServingError): ModelLease {
    const before = this.#lastGood.get(referenceKey);
    const lease = before === undefined ? undefined : this.#sessions.lease(before.key);
    this.#options.events.loadFailed(wanted.pinned, reason);
    if (lease === undefined) throw reason;
    this.#options.events.keptServing(wanted.pinned, reason);
    return toModelLease(lease, wanted.configuration);
  }
}

/** A session depends on its version's bytes and on those parts of the configuration that make and warm it. */
function sessionKey({ pinned, configuration }: Resolution): string {
  const { intraOpThreads, warmUp, task } = configuration;
  return `${pinned.fingerprint}/${JSON.stringify({ intraOpThreads, warmUp, task })}`;
}

/** Size of a version's own files; those prepared for other architectures are never loaded. */
function modelBytes(version: RepositoryVersion): number {
  return version.files
    .filter(({ path }) => !path.startsWith(preparedPrefix))
    .reduce((sum, file) => sum + file.sizeBytes, 0);
}

function expectedBytes(version: RepositoryVersion): number {
  return modelBytes(version) * memoryPerFileByte;
}

function toModelLease(lease: Lease<LoadedVersion>, configuration: ModelConfiguration): ModelLease {
  const { pinned, session, labels, downloadMs, createMs } = lease.value;
  return {
    pinned,
    configuration,
    session,
    labels,
    hit: lease.hit,
    loadTimes: lease.hit ? undefined : { downloadMs, createMs },
    release: lease.release,
  };
}

function messageOf(failure: unknown): string | undefined {
  return failure === undefined ? undefined : toServingError(failure).message;
}

async function mapLimited<T, R>(
  items: readonly T[],
  limit: number,
  map: (item: T) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  const queue = items.entries();
  const worker = async () => {
    for (const [index, item] of queue) results[index] = await map(item);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return results;
}
