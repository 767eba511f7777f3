import { type ServingError, toServingError } from '../errors.ts';
import type { ModelCatalog } from './catalog.ts';
import type { ModelConfiguration } from './configuration.ts';
import { LastGood } from './last-good.ts';
import { type Lease, LeaseCache, type Loaded, type MakeRoom } from './lease-cache.ts';
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
import { indexRepository } from './repository-index.ts';
import { type Resolution, VersionResolver } from './resolver.ts';
import { availableVersions } from './selection.ts';
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
  /** Resolves after so many milliseconds. */
  readonly delay: (ms: number) => Promise<void>;
  /** For so long a call waits for a new version while the one before it is in memory. */
  readonly patienceMs: number;
  /** Uniform in [0, 1): draws the version when traffic is shared. */
  readonly random: () => number;
  readonly events: ModelEvents;
}

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
        return loaded.release();
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
    const key = referenceKey(reference);
    let resolution = await this.#resolver.resolve(reference);
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#acquireInTime(key, resolution);
      } catch (thrown) {
        const reason = toServingError(thrown);
        const lease = this.#keepServing(key, resolution, reason);
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

  /**
   * The version that is wanted or, when that takes long to load, the one that served the reference before. The load
   * goes on beside the calls; each waits a little, for on Lambda nothing goes on between them.
   */
  async #acquireInTime(reference: string, resolution: Resolution): Promise<ModelLease> {
    const { pinned, configuration } = resolution;
    const isLoaded = this.#sessions.has(this.#sessionKey(pinned, configuration));
    const acquiring = this.#acquire(reference, resolution);
    const before = this.#lastGood.keyOf(reference);
    if (isLoaded || before === undefined) return acquiring;
    const { delay, patienceMs } = this.#options;
    const lease = await Promise.race([acquiring, delay(patienceMs)]);
    if (lease !== undefined) return lease;
    const earlier = this.#sessions.lease(before);
    if (earlier === undefined) return acquiring;
    // A failure is told where the load fails.
    acquiring.then(
      ({ release }) => release(),
      () => undefined,
    );
    return toModelLease(earlier, configuration);
  }

  async #acquire(reference: string, resolution: Resolution): Promise<ModelLease> {
    const { pinned, order, configuration } = resolution;
    const key = this.#sessionKey(pinned, configuration);
    const lease = await this.#sessions.acquire(key, (makeRoom) => this.#load(resolution, makeRoom));
    const served = { key, version: pinned.version, order };
    const outdated = this.#lastGood.remember(reference, served);
    if (outdated !== undefined) this.#sessions.drop(outdated);
    return toModelLease(lease, configuration);
  }

  /** Forgets what is known of a model's folder, so that the next call reads it anew. */
  forget(model: string): void {
    this.#options.catalog.forget(model);
  }

  async refresh(model: string): Promise<void> {
    await this.#options.catalog.refresh(model);
  }

  async index(): Promise<readonly IndexEntry[]> {
    return indexRepository(this.#options.catalog, (pinned, configuration) =>
      this.#sessions.failureOf(this.#sessionKey(pinned, configuration)),
    );
  }

  async load(model: string): Promise<void> {
    const reference = { model, version: undefined };
    const resolution = await this.#resolver.resolve(reference);
    const { pinned, configuration } = resolution;
    this.#sessions.forgetFailure(this.#sessionKey(pinned, configuration));
    const lease = await this.#acquire(referenceKey(reference), resolution);
    lease.release();
  }

  /** Releases the less worthy half of what nobody uses. @returns whether there was anything to release */
  releaseIdle(): boolean {
    const before = this.#sessions.size;
    this.#sessions.shrinkTo(this.#sessions.totalBytes / 2);
    return this.#sessions.size < before;
  }

  /** Releases the least worthy session that holds files on disk and that nobody uses. @returns whether there was one */
  releaseFiles(): boolean {
    return this.#sessions.evictOne(({ holdsFiles }) => holdsFiles);
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

  /** The version that served the reference last, while it is in memory. */
  #keepServing(
    reference: string,
    wanted: Resolution,
    reason: ServingError,
  ): ModelLease | undefined {
    const key = this.#lastGood.keyOf(reference);
    const lease = key === undefined ? undefined : this.#sessions.lease(key);
    if (lease === undefined) return undefined;
    if (!this.#told.has(reason)) this.#options.events.keptServing(wanted.pinned, reason);
    this.#told.add(reason);
    return toModelLease(lease, wanted.configuration);
  }
}

function referenceKey({ model, version = '' }: ModelReference): string {
  return `${model}\n${version}`;
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
