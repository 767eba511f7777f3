import * as v from 'valibot';
import { jobKeys } from '../contract/job-keys.ts';
import { encodeDocument } from './document.ts';
import type { BatchContext } from './ports.ts';
import type { ShardMessage } from './shard.ts';

/** A shard whose message goes to the dead-letter queue. */
export const failedShardSchema = v.object({
  shard: v.number(),
  reason: v.string(),
  atMs: v.number(),
});
export type FailedShard = v.InferOutput<typeof failedShardSchema>;

export async function writeFailedShard(
  { results, nowMs }: BatchContext,
  { jobId, shard }: ShardMessage,
  reason: string,
): Promise<void> {
  const failed: FailedShard = { shard: shard.index, reason, atMs: nowMs() };
  await results.put(jobKeys(jobId).failedShard(shard.index), encodeDocument(failed), {
    contentType: 'application/json',
  });
}
