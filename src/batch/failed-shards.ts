import * as v from 'valibot';
import { type JobKeys, jobKeys } from '../contract/job-keys.ts';
import { lambdaTimeoutSeconds } from '../contract/limits.ts';
import { encodeDocument, readDocument } from './document.ts';
import { listAll } from './object-store.ts';
import type { BatchContext } from './ports.ts';
import type { ShardMessage } from './shard.ts';

/** A shard whose message is at its last delivery, or went to the dead-letter queue. */
const failedShardSchema = v.object({
  shard: v.number(),
  reason: v.string(),
  atMs: v.number(),
  /** Whether the last delivery is over: written before it too, for its process may not live to write it. */
  over: v.boolean(),
  redrives: v.number(),
});
export type FailedShard = v.InferOutput<typeof failedShardSchema>;

export async function writeFailedShard(
  { results, nowMs }: BatchContext,
  { jobId, shard, redrives }: ShardMessage,
  reason: string,
  over: boolean,
): Promise<void> {
  const failed: FailedShard = { shard: shard.index, reason, atMs: nowMs(), over, redrives };
  await results.put(jobKeys(jobId).failedShard(shard.index), encodeDocument(failed), {
    contentType: 'application/json',
  });
}

/**
 * Shards that were given up and not driven again since.
 *
 * @param done shards that were done in spite of it
 * @param redrives how often the job was driven again
 */
export async function readFailedShards(
  { results, nowMs }: Pick<BatchContext, 'results' | 'nowMs'>,
  keys: JobKeys,
  done: ReadonlySet<number>,
  redrives: number,
): Promise<FailedShard[]> {
  const failed: FailedShard[] = [];
  for await (const { key } of listAll(results, keys.failedShards)) {
    const shard = await readDocument(results, key, failedShardSchema);
    if (shard === undefined || done.has(shard.shard) || shard.redrives !== redrives) continue;
    // No invocation lasts longer: the process of one that said nothing since is gone.
    const silent = nowMs() - shard.atMs > lambdaTimeoutSeconds * 1_000;
    if (shard.over || silent) failed.push(shard);
  }
  return failed;
}
