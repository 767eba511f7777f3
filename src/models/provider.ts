import type { TensorMetadata } from '../protocol/tensor.ts';
import type { ModelConfiguration } from './configuration.ts';
import type { ModelReference, PinnedModel } from './reference.ts';
import type { Session } from './session.ts';

/** A version that is loaded and cannot be evicted while the lease is held. */
export interface ModelLease {
  readonly pinned: PinnedModel;
  readonly configuration: ModelConfiguration;
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
  readonly session: Session;
  /** Lines of the version's labels.txt; empty where it has none. */
  readonly labels: readonly string[];
  /** Whether this acquisition found the session in memory. */
  readonly hit: boolean;
  /** Must be called exactly once, also after a failed run. */
  release(): void;
}

/** What the serving and the batch path need of the model side: names to loaded models. */
export interface ModelProvider {
  /**
   * Which version a reference means now (aliases and policies applied), without loading it.
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
}
