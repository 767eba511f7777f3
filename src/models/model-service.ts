import { type ServingError, toServingError } from '../errors.ts';
import type { ModelCatalog } from './catalog.ts';
import type { ModelConfiguration } from './configuration.ts';
import { LastGood } from './last-good.ts';
import { type Lease, LeaseCache, type Loaded, type MakeRoom } from './lease-cache.ts';
import { mapLimited } from './map-limited.ts';
import type { ModelEvents } from './model-events.ts';
import type {
  IndexEntry,
  LoadedModel,
  ModelAdministration,
  ModelLease,
  ModelProvider,
  ModelSummary,
} from './provider.ts';
import type { ModelReference, PinnedModel } from './reference.ts';
import { type Resolution, VersionResolver } from './resolver.ts';
import { availableVersions, pin } from './selection.ts';
import { refuseTooLarge } from './too-large.ts';
import type { LoadedVersion, VersionLoader } from './version-loader.ts';

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

/** Folders of the repository that an index reads side by side. */
const parallelLookups = 16;
/** Loads that one call begins, each of what the repository holds by then. */
const loadAttempts = 3;

/** The session cache over the repository: references in, leased sessions out. */
export class ModelService implements ModelProvider, ModelAdministration {
  readonly #options: ModelServiceOptions;
  readonly #sessions: LeaseCache<LoadedVersion>;
  readonly #resolver: VersionResolver;
  readonly #lastGood = new LastGood();
  /** Failures of which it was told that an earlier version serves on. */
  readonly #told = new WeakSet<ServingError>();
  /** By configuration, for a task's may be long, and every call wants it. */
  readonly #keyParts = new WeakMap<ModelConfiguration, string>();

  constructor(options: ModelServiceOptions) {
    this.#options = options;
    this.#resolver = new VersionResolver(options.catalog, options.random);
    this.#sessions = new LeaseCache({
      budgetBytes: options.memoryBudgetBytes,
      dispose: (key, loaded, departure) => {
        this.#lastGood.forget(key);
        options.events.released(loaded.pinned, departure);
        return loaded.session.release();
      },
      nowMs: options.nowMs,
      failureTtlMs: options.failureTtlMs,
      remembers: (thrown) => !toServingError(thrown).retryable,
    });
  }

  async resolve(reference: ModelReference): Promise<PinnedModel> {
    return (await this.#resolver.resolve(reference)).pinned;
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
    const referenceKey = `${reference.model}\n${reference.version ?? ''}`;
    let resolution = await this.#resolver.resolve(reference);
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#acquire(referenceKey, resolution);
      } catch (thrown) {
        const reason = toServingError(thrown);
        const lease = this.#keepServing(referenceKey, resolution, reason);
        if (lease !== undefined) return lease;
        if (attempt === loadAttempts || !reason.retryable) throw reason;
        // Files that were replaced while they were read are no failure of what stands in their place.
        await this.#options.catalog.refresh(reference.model);
        const { pinned } = resolution;
        resolution = await this.#resolver.resolve(reference);
        if (resolution.pinned.fingerprint === pinned.fingerprint) throw reason;
      }
    }
  }

  async #acquire(referenceKey: string, resolution: Resolution): Promise<ModelLease> {
    const { pinned, order, configuration } = resolution;
    const key = this.#sessionKey(pinned, configuration);
    const lease = await this.#sessions.acquire(key, (makeRoom) => this.#load(resolution, makeRoom));
    const served = { key, version: pinned.version, order };
    const outdated = this.#lastGood.remember(referenceKey, served);
    if (outdated !== undefined) this.#sessions.drop(outdated);
    return toModelLease(lease, configuration);
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
    const reference = { model, version: undefined };
    const { pinned, configuration } = await this.#resolver.resolve(reference);
    this.#sessions.forgetFailure(this.#sessionKey(pinned, configuration));
    const lease = await this.acquire(reference);
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

  /** A session depends on its version's bytes and on those parts of the configuration that make and warm it. */
  #sessionKey({ fingerprint }: PinnedModel, configuration: ModelConfiguration): string {
    let part = this.#keyParts.get(configuration);
    if (part === undefined) {
      const { intraOpThreads, warmUp, task } = configuration;
      part = JSON.stringify({ intraOpThreads, warmUp, task });
      this.#keyParts.set(configuration, part);
    }
    return `${fingerprint}/${part}`;
  }

  async #load(resolution: Resolution, makeRoom: MakeRoom): Promise<Loaded<LoadedVersion>> {
    const { pinned, version, configuration } = resolution;
    const { loader, events, memoryBudgetBytes } = this.#options;
    try {
      refuseTooLarge(pinned, version, memoryBudgetBytes);
      const loaded = await loader.load(pinned, version, configuration, makeRoom);
      events.loaded(loaded);
      const { sizeBytes, downloadMs, createMs } = loaded;
      return { value: loaded, sizeBytes, costMs: downloadMs + createMs };
    } catch (thrown) {
      const reason = toServingError(thrown);
      events.loadFailed(pinned, reason);
      throw reason;
    }
  }

  async #indexModel(model: string): Promise<IndexEntry[]> {
    try {
      const { model: found, configuration } = await this.#options.catalog.lookup(model);
      return availableVersions(found, configuration).map((version) => {
        const failure = this.#sessions.failureOf(
          this.#sessionKey(pin(model, version), configuration),
        );
        return { model, version: version.version, failure: messageOf(failure) };
      });
    } catch (thrown) {
      const error = toServingError(thrown);
      // It was taken away since the names were listed.
      if (error.code === 'NOT_FOUND') return [];
      return [{ model, version: '', failure: error.message }];
    }
  }

  /** The version that served the reference last, while it is in memory. */
  #keepServing(
    referenceKey: string,
    wanted: Resolution,
    reason: ServingError,
  ): ModelLease | undefined {
    const key = this.#lastGood.keyOf(referenceKey);
    const lease = key === undefined ? undefined : this.#sessions.lease(key);
    if (lease === undefined) return undefined;
    if (!this.#told.has(reason)) this.#options.events.keptServing(wanted.pinned, reason);
    this.#told.add(reason);
    return toModelLease(lease, wanted.configuration);
  }
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
