import * as v from 'valibot';
import { inputObjectSchema } from './job.ts';

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

/** The records of one shard. */
export const shardSourceSchema = v.variant('kind', [
  /** Lines (or CSV records) whose first byte lies in a range of bytes. */
  v.object({
    kind: v.literal('lines'),
    format: v.picklist(['jsonl', 'csv', 'text']),
    object: inputObjectSchema,
    start: count,
    end: count,
  }),
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
