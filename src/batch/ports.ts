import type { ModelProvider } from '../models/provider.ts';
import type { ObjectStore } from './object-store.ts';
import type { ShardMessage } from './shard.ts';

/** Port to the queue of shards: at least once, in any order. */
export interface ShardQueue {
  /** @throws ServingError UNAVAILABLE when some could not be sent; sending all of them again does no harm */
  send(messages: readonly ShardMessage[]): Promise<void>;
}

/** Port to those who wait for jobs: at least once. */
export interface JobEvents {
  completed(event: JobCompleted): Promise<void>;
}

/** A job has its manifest. */
export interface JobCompleted {
  readonly jobId: string;
  readonly model: string;
  readonly version: string;
  readonly records: number;
  readonly failed: number;
  /** Key of the manifest in the results bucket. */
  readonly manifest: string;
}

/** Structured log lines; no payload goes into them. */
export interface Log {
  info(message: string, fields: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields: Readonly<Record<string, unknown>>): void;
}

/** What every part of the batch room is given. */
export interface BatchContext {
  /** The jobs bucket. */
  readonly input: ObjectStore;
  /** The results bucket. */
  readonly results: ObjectStore;
  readonly shards: ShardQueue;
  readonly events: JobEvents;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  /** A name that no one else has. */
  readonly newId: () => string;
  readonly log: Log;
}

/** What transforming needs beside. */
export interface TransformContext extends BatchContext {
  readonly models: ModelProvider;
  /** Milliseconds with fractions, of a clock that never runs back. */
  readonly monotonicMs: () => number;
  readonly limits: TransformLimits;
  /** Deliveries of a shard's message before it goes to the dead-letter queue. */
  readonly maxReceiveCount: number;
}

/** What bounds the memory and the time of a transform. */
export interface TransformLimits {
  /** Predictions and failed records that are held in memory before they are kept as a segment. */
  readonly segmentBytes: number;
  /** Time left of an invocation in which a segment is kept and the rest handed over, beside the windows that run on. */
  readonly handOverMs: number;
}

export const defaultTransformLimits: TransformLimits = {
  segmentBytes: 32 * 1024 * 1024,
  handOverMs: 8_000,
};
