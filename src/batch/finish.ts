import type { JobKeys } from '../contract/job-keys.ts';
import { failJob, readStop } from './control.ts';
import { type Decision, publish } from './decision.ts';
import { type Figures, parseNumberedFigures, sumFigures } from './figures.ts';
import { readGroups, writeGroup } from './groups.ts';
import type { Job } from './job.ts';
import { completeJob } from './manifest.ts';
import { listAll } from './object-store.ts';
import type { TransformContext } from './ports.ts';
import type { ShardMessage } from './shard.ts';

/** Records from which on a share of failures says something. */
const recordsForPercent = 1_000;

/**
 * All that follows from a decided shard: its failed records and its mark, its group when that is complete, and the
 * job when all groups are. Whoever comes last sees everyone before, for listings are consistent; doing it twice
 * changes nothing.
 */
export async function settle(
  context: TransformContext,
  keys: JobKeys,
  job: Job,
  message: ShardMessage,
  decision: Decision,
): Promise<void> {
  const { results } = context;
  await publish(results, keys, message, decision);
  const { group, groups } = message;
  const done = await readDone(context, keys, group.index);
  if (decision.figures.failed > 0) await enforceLimits(context, keys, job, done);
  if (done.size < group.shards) return;
  await writeGroup(results, keys, group.index, done);
  const complete = await readGroups(results, keys);
  if (complete.size < groups) return;
  await completeJob(context, keys, job, complete.values());
}

/** Figures of a group's shards that are done, by shard. */
async function readDone(
  { results }: TransformContext,
  keys: JobKeys,
  group: number,
): Promise<Map<number, Figures>> {
  const done = new Map<number, Figures>();
  for await (const { key } of listAll(results, keys.doneGroup(group))) {
    const entry = parseNumberedFigures(key);
    if (entry !== undefined) done.set(entry.number, entry.figures);
  }
  return done;
}

/** Ends the job when more records have failed than it tolerates, by what this group and complete ones tell. */
async function enforceLimits(
  context: TransformContext,
  keys: JobKeys,
  job: Job,
  done: ReadonlyMap<number, Figures>,
): Promise<void> {
  const { maxFailedRecords, maxFailedPercent } = job;
  if (maxFailedRecords === undefined && maxFailedPercent === undefined) return;
  const group = sumFigures(done.values());
  const groups = [...(await readGroups(context.results, keys)).values()];
  const complete = sumFigures(groups.map(({ figures }) => figures));
  const failed = group.failed + complete.failed;
  const records = group.records + complete.records;
  const percent = (100 * failed) / records;
  const tooMany = maxFailedRecords !== undefined && failed > maxFailedRecords;
  const tooLarge =
    maxFailedPercent !== undefined && records >= recordsForPercent && percent > maxFailedPercent;
  if (!tooMany && !tooLarge) return;
  if ((await readStop(context.results, keys)) !== undefined) return;
  const reason = tooMany
    ? `${failed} records failed, more than the ${maxFailedRecords} that the job tolerates`
    : `${percent.toFixed(1)} percent of ${records} records failed, more than the ${maxFailedPercent} percent that the job tolerates`;
  await failJob(context, job, reason);
}
