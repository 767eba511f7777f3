import * as v from 'valibot';
import { inputObjectSchema } from './job.ts';

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

/** Lines whose first byte lies in a range of bytes. */
const lineSourceSchema = v.object({
  kind: v.literal('lines'),
  format: v.picklist(['jsonl', 'csv', 'text']),
  object: inputObjectSchema,
  start: count,
  end: count,
  /** CSV: the line that names the columns. */
  header: v.optional(v.string()),
  /** Lines of the object before `start` that are no records: those of a header. */
  linesBefore: v.optional(count),
  /** `object` is a stretch of an object that was packed: which one, and where the stretch begins in what it held. */
  unpacked: v.optional(v.object({ key: v.string(), offset: count })),
});
export type LineSource = v.InferOutput<typeof lineSourceSchema>;

/** Rows of an object that counts them: an array, or a table. */
const rowSourceSchema = v.object({
  kind: v.literal('rows'),
  format: v.picklist(['npy', 'parquet']),
  object: inputObjectSchema,
  firstRow: count,
  rows: count,
});
export type RowSource = v.InferOutput<typeof rowSourceSchema>;

/** Whole objects: a record each. */
const objectSourceSchema = v.object({
  kind: v.literal('objects'),
  objects: v.array(inputObjectSchema),
  /** Objects of the job before these. */
  before: count,
});
export type ObjectSource = v.InferOutput<typeof objectSourceSchema>;

/** Records that another job named as failed: lines of its errors file. */
const errorSourceSchema = v.object({
  kind: v.literal('errors'),
  /** In the results bucket. */
  object: inputObjectSchema,
  start: count,
  end: count,
});
export type ErrorSource = v.InferOutput<typeof errorSourceSchema>;

/** The records of one shard. */
export const shardSourceSchema = v.variant('kind', [
  lineSourceSchema,
  rowSourceSchema,
  objectSourceSchema,
  errorSourceSchema,
]);
export type ShardSource = v.InferOutput<typeof shardSourceSchema>;

/** One message, one retry, one output part. */
export const shardSchema = v.object({ index: count, source: shardSourceSchema });
export type Shard = v.InferOutput<typeof shardSchema>;

/** What a shard's message carries: enough to work without reading the plan. */
export const shardMessageSchema = v.object({
  jobId: v.string(),
  shard: shardSchema,
  /** Shards of the whole job. */
  shards: count,
  /** The shard's group: its number, and how many shards it has. */
  group: v.object({ index: count, shards: count }),
  /** Groups of the whole job. */
  groups: count,
  /** How often the shard went on in a new message. @default 0 */
  continued: v.optional(count, 0),
  /** How often the job was driven again: what attempts before that wrote down no longer counts. @default 0 */
  redrives: v.optional(count, 0),
});
export type ShardMessage = v.InferOutput<typeof shardMessageSchema>;

/** A shard's message as it arrived. */
export interface ShardDelivery {
  readonly message: ShardMessage;
  /** How often the message has been taken; 1 for the first time. */
  readonly receiveCount: number;
  /** When the invocation ends, in milliseconds since 1970. */
  readonly deadlineMs: number;
}

/** What the numbers of failed records count within: an object's lines or rows, or the job's objects. */
export function numberedWithin(source: ShardSource): string {
  switch (source.kind) {
    case 'lines':
      return source.unpacked?.key ?? source.object.key;
    case 'rows':
    case 'errors':
      return source.object.key;
    case 'objects':
      return '';
  }
}

/** Whether records have a name of their own: an id in a request, the key of an object. */
export function recordsHaveNames(source: ShardSource): boolean {
  return source.kind === 'objects' || (source.kind === 'lines' && source.format === 'jsonl');
}

/** Whether a source's own numbers count from the object's start already. */
export function isNumberedFromStart(source: ShardSource): boolean {
  return source.kind !== 'lines';
}
