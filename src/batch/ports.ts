import type { Predictors } from '../inference/predictors.ts';
import type { ModelProvider } from '../models/provider.ts';
import type { PredictServices } from '../tasks/wire/handle.ts';
import type { ObjectStore } from './object-store.ts';
import type { ShardMessage } from './shard.ts';

/** Port to the queue of shards: at least once, in any order. */
export interface ShardQueue {
  /** @throws ServingError UNAVAILABLE when some could not be sent; sending all of them again does no harm */
  send(messages: readonly ShardMessage[]): Promise<void>;
}

/** Values by column name. */
export type TableRow = Readonly<Record<string, unknown>>;

/** A column of a table that is written. */
export interface TableColumn {
  readonly name: string;
  readonly type: 'BOOLEAN' | 'INT32' | 'INT64' | 'UINT64' | 'FLOAT' | 'DOUBLE' | 'STRING';
  /** One value for each row; null where there is none. */
  readonly values: readonly unknown[];
}

/** A Parquet file that is read in parts. */
export interface TableFile {
  readonly rows: number;
  /** Names of the columns in their order, without those that pandas keeps its index in. */
  readonly features: readonly string[];
  /** Rows of each row group. */
  readonly rowGroups: readonly number[];
  readRows(start: number, end: number): Promise<readonly TableRow[]>;
}

/** A Parquet file that is stored. */
export interface TablePart {
  /** For messages. */
  readonly name: string;
  readonly sizeBytes: number;
  /** Bytes `start` (inclusive) to `end` (exclusive). */
  read(start: number, end: number): Promise<Uint8Array>;
}

/** Bytes, or those of a part from `start` (inclusive) to `end` (exclusive). */
export type TablePiece<Part> =
  | Uint8Array
  | { readonly part: Part; readonly start: number; readonly end: number };

/** Port to Parquet. */
export interface TableFiles {
  /** @throws ServingError INVALID_REQUEST when it is no Parquet file, or two columns have one name */
  open(
    name: string,
    sizeBytes: number,
    read: (start: number, end: number) => Promise<Uint8Array>,
  ): Promise<TableFile>;
  write(columns: readonly TableColumn[]): Promise<Uint8Array>;
  /**
   * The pieces of one file that has the rows of all parts in their order. What it says beside them, such as its
   * key-value metadata, is what the first one says.
   *
   * @throws ServingError (while it is read) INTERNAL when two parts have not the same columns
   */
  merge<Part extends TablePart>(
    parts: Iterable<Part> | AsyncIterable<Part>,
  ): AsyncGenerator<TablePiece<Part>>;
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

/** Port to the metrics of the function. */
export interface JobMeters {
  /** A shard was decided, by this process. */
  shardDecided(records: number, failed: number): void;
  /** The manifest of a job was written, by this process. */
  jobCompleted(): void;
  /** A job was given up as a whole, by this process. */
  jobFailed(): void;
}

/** What every part of the batch room is given. */
export interface BatchContext {
  /** The jobs bucket. */
  readonly input: ObjectStore;
  /** The results bucket. */
  readonly results: ObjectStore;
  readonly shards: ShardQueue;
  readonly events: JobEvents;
  readonly tables: TableFiles;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  /** A name that no one else has. */
  readonly newId: () => string;
  readonly log: Log;
  readonly meters: JobMeters;
  /** Memory of the function, by which its time is paid. */
  readonly memoryMB: number;
}

/** What transforming needs beside. */
export interface TransformContext extends BatchContext {
  readonly models: ModelProvider;
  /** Of models that declare a task, and of pipelines. */
  readonly predictors: Pick<Predictors, 'of' | 'pipeline'>;
  /** The media libraries, each loaded by its first call, and what requests refer to. */
  readonly services: () => Promise<PredictServices>;
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
  /** Those that are held before they are uploaded, of a shard whose end is in sight. */
  readonly partBytes: number;
  /** Time left of an invocation in which a segment is kept and the rest handed over, beside the windows that run on. */
  readonly handOverMs: number;
}

export const defaultTransformLimits: TransformLimits = {
  segmentBytes: 16 * 1024 * 1024,
  partBytes: 8 * 1024 * 1024,
  handOverMs: 8_000,
};
