import type { TensorMetadata } from '../protocol/tensor.ts';
import type { ModelConfiguration } from './configuration.ts';
import type { ModelReference, PinnedModel } from './reference.ts';
import type { Session } from './session.ts';

/** What a first acquisition spent, in milliseconds. */
export interface LoadTimes {
  readonly downloadMs: number;
  readonly createMs: number;
}

/** A version that is loaded and cannot be evicted while the lease is held. */
export interface ModelLease {
  readonly pinned: PinnedModel;
  readonly configuration: ModelConfiguration;
  readonly session: Session;
  /** Lines of the version's labels.txt; empty where it has none. */
  readonly labels: readonly string[];
  /** Whether the session was in memory before. */
  readonly hit: boolean;
  /** What the load spent; undefined for a hit. */
  readonly loadTimes: LoadTimes | undefined;
  /** Must be called once when the run is over, also after a failed one. */
  release(): void;
}

/** A model as a listing of the repository shows it. */
export interface ModelSummary {
  readonly model: string;
  readonly versions: readonly string[];
  readonly configuration: ModelConfiguration;
}

/** One version in the repository's index. */
export interface IndexEntry {
  readonly model: string;
  readonly version: string;
  /** Why it cannot be called, as far as this environment has tried; undefined for one that can. */
  readonly failure: string | undefined;
}

/** A version in memory, and what it takes and gives. */
export interface LoadedModel extends PinnedModel {
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
}

/** What the repository routes need besides: the whole index, and a hand on this environment's memory. */
export interface ModelAdministration {
  /** Versions whose sessions are in this environment's memory. */
  inMemory(): readonly LoadedModel[];
  /** Every version that may be called. @throws ServingError UNAVAILABLE */
  index(): Promise<readonly IndexEntry[]>;
  /** Reads a model's folder anew. @throws ServingError NOT_FOUND, MODEL_UNAVAILABLE or UNAVAILABLE */
  refresh(model: string): Promise<void>;
  /** Brings the version that a model means into memory, also when that failed a moment ago. @throws as `acquire` does */
  load(model: string): Promise<void>;
  /** Releases every version of a model from this environment's memory; those in use go when their runs end. */
  unload(model: string): void;
}

/** What the serving and the batch path need of the model side: names to loaded models. */
export interface ModelProvider {
  /**
   * Which version a reference means now (aliases, policies and traffic shares applied), without loading it.
   *
   * @throws ServingError NOT_FOUND when there is no such model or version
   */
  resolve(reference: ModelReference): Promise<PinnedModel>;
  /**
   * Loads the version when it is not in memory, and leases it.
   *
   * @throws ServingError NOT_FOUND, MODEL_UNAVAILABLE or UNAVAILABLE
   */
  acquire(reference: ModelReference): Promise<ModelLease>;
  /** Versions of a model that may be called, newest first. @throws ServingError NOT_FOUND */
  describe(model: string): Promise<ModelSummary>;
}
