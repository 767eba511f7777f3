import { ServingError } from '../errors.ts';
import {
  defaultConfiguration,
  type ModelConfiguration,
  parseModelConfiguration,
} from './configuration.ts';
import type { ModelRepository, RepositoryModel } from './repository.ts';

/** A model's folder and configuration as they were at one moment. */
export interface CatalogEntry {
  readonly model: RepositoryModel;
  readonly configuration: ModelConfiguration;
}

export interface CatalogOptions {
  readonly repository: ModelRepository;
  /** Milliseconds of a clock that never runs back. */
  readonly nowMs: () => number;
  /** From this age on an entry is read anew beside the call that uses it. */
  readonly refreshAfterMs: number;
  /** From this age on a call waits for the new reading: the longest that a published change goes unseen. */
  readonly expireAfterMs: number;
  /** Hears of a reading that failed while an older one goes on serving. */
  readonly onStale: (model: string, reason: unknown) => void;
}

interface Cached {
  readonly entry: CatalogEntry;
  readonly readAtMs: number;
}

/**
 * What the repository holds, kept for moments. A busy environment reads beside its calls and never waits; one that
 * was idle waits for one listing, so that its first call after an hour does not get an hour-old model. When the
 * repository does not answer, or holds a configuration that is refused, what was known goes on serving.
 */
export class ModelCatalog {
  readonly #options: CatalogOptions;
  readonly #cached = new Map<string, Cached>();
  readonly #reading = new Map<string, Promise<CatalogEntry>>();

  constructor(options: CatalogOptions) {
    this.#options = options;
  }

  /** @throws ServingError NOT_FOUND, MODEL_UNAVAILABLE (its configuration is refused), UNAVAILABLE */
  async lookup(model: string): Promise<CatalogEntry> {
    const cached = this.#cached.get(model);
    if (cached === undefined) return this.#read(model);
    const ageMs = this.#options.nowMs() - cached.readAtMs;
    if (ageMs < this.#options.refreshAfterMs) return cached.entry;
    const reading = this.#read(model);
    if (ageMs >= this.#options.expireAfterMs) return reading;
    // This call has an answer that is young enough; a failure shows at the next look-up.
    reading.catch(() => undefined);
    return cached.entry;
  }

  /** Names of all models. @throws ServingError UNAVAILABLE */
  list(): Promise<readonly string[]> {
    return this.#options.repository.list();
  }

  /** Reads a model anew, whatever the age of what is known. @throws as `lookup` does */
  async refresh(model: string): Promise<CatalogEntry> {
    return this.#read(model);
  }

  /** Forgets what is known, so that the next look-up reads anew. */
  forget(model: string): void {
    this.#cached.delete(model);
  }

  #read(model: string): Promise<CatalogEntry> {
    const underWay = this.#reading.get(model);
    if (underWay !== undefined) return underWay;
    const reading = this.#readNow(model).finally(() => this.#reading.delete(model));
    this.#reading.set(model, reading);
    return reading;
  }

  async #readNow(model: string): Promise<CatalogEntry> {
    const readAtMs = this.#options.nowMs();
    const known = this.#cached.get(model)?.entry;
    try {
      const found = await this.#options.repository.describe(model);
      const entry = { model: found, configuration: await this.#configuration(found, known) };
      this.#cached.set(model, { entry, readAtMs });
      return entry;
    } catch (thrown) {
      if (known === undefined || isGone(thrown)) {
        this.#cached.delete(model);
        throw thrown;
      }
      this.#options.onStale(model, thrown);
      this.#cached.set(model, { entry: known, readAtMs });
      return known;
    }
  }

  async #configuration(
    model: RepositoryModel,
    known: CatalogEntry | undefined,
  ): Promise<ModelConfiguration> {
    if (model.config === undefined) return defaultConfiguration;
    if (known !== undefined && known.model.config?.etag === model.config.etag) {
      return known.configuration;
    }
    const text = await this.#options.repository.readText(model.model, undefined, model.config);
    return await parseModelConfiguration(model.model, text);
  }
}

function isGone(thrown: unknown): boolean {
  return thrown instanceof ServingError && thrown.code === 'NOT_FOUND';
}
