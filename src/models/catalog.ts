import { isName } from '../contract/names.ts';
import { ServingError, toServingError } from '../errors.ts';
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
  /** Resolves after so many milliseconds. */
  readonly delay: (ms: number) => Promise<void>;
  /** From this age on an entry is read anew beside the call that uses it. */
  readonly refreshAfterMs: number;
  /** From this age on a call waits for the new reading: the longest that a published change goes unseen. */
  readonly expireAfterMs: number;
  /** For so long it waits: what was known is a better answer than none. */
  readonly patienceMs: number;
  /** Hears of a reading that failed or took too long while an older one goes on serving. */
  readonly onStale: (model: string, reason: unknown) => void;
}

interface Cached {
  readonly entry: CatalogEntry;
  /** Since when nothing newer was asked for. */
  readonly askedAtMs: number;
  /** Of the reading that it comes from: a later one knows better. */
  readonly serial: number;
}

interface Reading {
  readonly entry: Promise<CatalogEntry>;
  readonly serial: number;
  readonly sinceMs: number;
}

/** Models whose folders are kept in mind; past it the one that was not read for longest is forgotten. */
const maximumModels = 1_000;
const readAttempts = 3;

/**
 * What the repository holds, kept for moments. A busy environment reads beside its calls and never waits; one that
 * was idle waits for one listing, so that its first call after an hour does not get an hour-old model. When the
 * repository does not answer, or holds a configuration that is refused, what was known goes on serving.
 */
export class ModelCatalog {
  readonly #options: CatalogOptions;
  readonly #cached = new Map<string, Cached>();
  readonly #reading = new Map<string, Reading>();
  #readings = 0;

  constructor(options: CatalogOptions) {
    this.#options = options;
  }

  /** @throws ServingError NOT_FOUND, MODEL_UNAVAILABLE (its configuration is refused), UNAVAILABLE */
  async lookup(model: string): Promise<CatalogEntry> {
    const { nowMs, refreshAfterMs, expireAfterMs } = this.#options;
    const cached = this.#cached.get(model);
    if (cached === undefined) return this.#read(model);
    const ageMs = nowMs() - cached.askedAtMs;
    if (ageMs < refreshAfterMs) return cached.entry;
    const reading = this.#read(model);
    if (ageMs >= expireAfterMs) return this.#waitFor(model, reading, cached);
    // This call has an answer that is young enough; a failure shows at the next look-up.
    reading.catch(() => undefined);
    return cached.entry;
  }

  /** Names of all models. @throws ServingError UNAVAILABLE */
  list(): Promise<readonly string[]> {
    return this.#options.repository.list();
  }

  /** Reads a model anew, whatever is known and whatever is being read. @throws as `lookup` does */
  async refresh(model: string): Promise<CatalogEntry> {
    return this.#startReading(model);
  }

  /** Forgets what is known, so that the next look-up reads anew. */
  forget(model: string): void {
    this.#cached.delete(model);
    this.#reading.delete(model);
  }

  async #waitFor(
    model: string,
    reading: Promise<CatalogEntry>,
    known: Cached,
  ): Promise<CatalogEntry> {
    const { delay, patienceMs, nowMs, onStale } = this.#options;
    const found = await Promise.race([reading, delay(patienceMs)]);
    if (found !== undefined) return found;
    reading.catch(() => undefined);
    // The next calls need not wait for the same silence.
    if (this.#cached.get(model) === known) {
      this.#cached.set(model, { ...known, askedAtMs: nowMs() });
      onStale(model, new Error(`the model repository did not answer within ${patienceMs} ms`));
    }
    return known.entry;
  }

  /**
   * Joins a reading that is under way, unless it is old: one that was begun beside an earlier call may have lost its
   * connection while Lambda had the environment frozen.
   */
  #read(model: string): Promise<CatalogEntry> {
    const { nowMs, refreshAfterMs } = this.#options;
    const underWay = this.#reading.get(model);
    if (underWay !== undefined && nowMs() - underWay.sinceMs < refreshAfterMs) {
      return underWay.entry;
    }
    return this.#startReading(model);
  }

  #startReading(model: string): Promise<CatalogEntry> {
    this.#readings += 1;
    const serial = this.#readings;
    const entry = this.#readNow(model, serial).finally(() => {
      if (this.#reading.get(model)?.serial === serial) this.#reading.delete(model);
    });
    this.#reading.set(model, { entry, serial, sinceMs: this.#options.nowMs() });
    return entry;
  }

  async #readNow(model: string, serial: number): Promise<CatalogEntry> {
    if (!isName(model)) {
      throw new ServingError(
        'NOT_FOUND',
        `model: expected a name, got ${JSON.stringify(model.slice(0, 128))}`,
      );
    }
    const askedAtMs = this.#options.nowMs();
    try {
      const entry = await this.#readFolder(model);
      this.#keep(model, { entry, askedAtMs, serial });
      return entry;
    } catch (thrown) {
      const known = this.#cached.get(model);
      if (known === undefined) throw thrown;
      if (isGone(thrown)) {
        if (known.serial < serial) this.#cached.delete(model);
        throw thrown;
      }
      this.#options.onStale(model, thrown);
      this.#keep(model, { entry: known.entry, askedAtMs, serial });
      return known.entry;
    }
  }

  /** A configuration that is replaced between its listing and its reading is listed and read again. */
  async #readFolder(model: string): Promise<CatalogEntry> {
    for (let attempt = 1; ; attempt++) {
      const found = await this.#options.repository.describe(model);
      try {
        return { model: found, configuration: await this.#configuration(found) };
      } catch (thrown) {
        if (attempt === readAttempts || !toServingError(thrown).retryable) throw thrown;
      }
    }
  }

  #keep(model: string, cached: Cached): void {
    const before = this.#cached.get(model);
    if (before !== undefined && before.serial > cached.serial) return;
    // Re-inserted, so that the map's order is the order of reading.
    this.#cached.delete(model);
    this.#cached.set(model, cached);
    const [oldest] = this.#cached.keys();
    if (this.#cached.size > maximumModels && oldest !== undefined) this.#cached.delete(oldest);
  }

  async #configuration(model: RepositoryModel): Promise<ModelConfiguration> {
    if (model.config === undefined) return defaultConfiguration;
    const known = this.#cached.get(model.model)?.entry;
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
