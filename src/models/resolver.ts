import { ServingError } from '../errors.ts';
import type { CatalogEntry, ModelCatalog } from './catalog.ts';
import type { ModelConfiguration } from './configuration.ts';
import type { ModelReference, PinnedModel } from './reference.ts';
import type { RepositoryVersion } from './repository.ts';
import { pin, selectVersion } from './selection.ts';

/** What a reference meant at one moment. */
export interface Resolution {
  readonly pinned: PinnedModel;
  readonly version: RepositoryVersion;
  readonly configuration: ModelConfiguration;
  /** Rises from resolution to resolution. */
  readonly order: number;
}

/** Finds the version that a reference means, by what the catalog knows. */
export class VersionResolver {
  readonly #catalog: ModelCatalog;
  readonly #random: () => number;
  #resolutions = 0;

  /** @param random uniform in [0, 1): draws the version when traffic is shared */
  constructor(catalog: ModelCatalog, random: () => number) {
    this.#catalog = catalog;
    this.#random = random;
  }

  /** @throws ServingError NOT_FOUND, MODEL_UNAVAILABLE, UNAVAILABLE */
  async resolve(reference: ModelReference): Promise<Resolution> {
    const entry = await this.#catalog.lookup(reference.model);
    try {
      return this.#select(reference, entry);
    } catch (thrown) {
      if (!(thrown instanceof ServingError) || thrown.code !== 'NOT_FOUND') throw thrown;
      // It may have been published since the folder was read, and whoever did that calls it now.
      return this.#select(reference, await this.#catalog.refresh(reference.model));
    }
  }

  #select(reference: ModelReference, { model, configuration }: CatalogEntry): Resolution {
    const version = selectVersion(model, configuration, reference.version, this.#random);
    this.#resolutions += 1;
    const order = this.#resolutions;
    return { pinned: pin(reference.model, version), version, configuration, order };
  }
}
