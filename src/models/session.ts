import type { Tensor, TensorMetadata } from '../protocol/tensor.ts';

/** How a session is made. */
export interface SessionOptions {
  /** Threads within one operator; always set, for ONNX Runtime's own default is one. */
  readonly intraOpThreads: number;
  /** `disabled` for an artefact that was optimised offline. */
  readonly graphOptimization: 'disabled' | 'basic' | 'extended' | 'all';
}

/** A model in memory, ready to run. One run at a time: a run blocks the thread and cannot be cancelled. */
export interface Session {
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
  /**
   * Runs the model once.
   *
   * @param feeds one tensor for each input, already validated against `inputs`
   * @param outputNames outputs to compute, in the order wanted
   * @throws ServingError INVALID_REQUEST when the model itself refuses the values
   */
  run(feeds: readonly Tensor[], outputNames: readonly string[]): Promise<Tensor[]>;
  /** Gives the memory back. Calling it again does nothing. */
  release(): Promise<void>;
}

/** Port to the runtime: makes sessions from files. */
export interface SessionFactory {
  /**
   * @param path the model file; external data files stand next to it
   * @throws ServingError MODEL_UNAVAILABLE when the file cannot be served
   */
  create(path: string, options: SessionOptions): Promise<Session>;
}
