import { type JobKeys, jobKeys } from '../contract/job-keys.ts';
import { ServingError } from '../errors.ts';
import { type Control, readControl } from './control.ts';
import { readDocument } from './document.ts';
import { type FailedShard, readFailedShards } from './failed-shards.ts';
import { type Figures, parseNumberedFigures, sumFigures } from './figures.ts';
import { readGroups } from './groups.ts';
import { type Job, jobSchema } from './job.ts';
import { listAll, type ObjectStore } from './object-store.ts';
import { type Plan, readPlan } from './plan.ts';
import type { BatchContext } from './ports.ts';

export type JobState = 'planning' | 'running' | 'completed' | 'failed' | 'cancelled';

/** Where a job stands, by what lies in the results bucket. */
export interface JobProgress {
  readonly jobId: string;
  readonly state: JobState;
  /** Why it failed or was cancelled. */
  readonly reason: string | undefined;
  /** undefined for a job that was refused before it was one. */
  readonly job: Job | undefined;
  readonly plan: Plan | undefined;
  /** Shards that are done, and what they came to. */
  readonly done: ReadonlySet<number>;
  readonly figures: Figures;
  /** Shards that were given up and wait to be driven again. */
  readonly failedShards: readonly FailedShard[];
}

/** Listings under way at a time. */
const parallelListings = 8;

/** @throws ServingError NOT_FOUND */
export async function readProgress(
  context: Pick<BatchContext, 'results' | 'nowMs'>,
  jobId: string,
): Promise<JobProgress> {
  const { results } = context;
  const keys = jobKeys(jobId);
  const [job, control, plan, manifest] = await Promise.all([
    readDocument(results, keys.job, jobSchema),
    readControl(results, keys),
    readPlan(results, keys),
    results.head(keys.manifest),
  ]);
  if (job === undefined && control === undefined) {
    throw new ServingError('NOT_FOUND', `job ${jobId} is not found`);
  }
  const { done, figures } = await readDone(results, keys, plan);
  const failedShards = await readFailedShards(context, keys, done, control?.redrives ?? 0);
  const base = { jobId, job, plan, done, figures, failedShards };
  if (manifest !== undefined) return { ...base, state: 'completed', reason: undefined };
  if (control !== undefined && control.state !== 'running') {
    return { ...base, state: control.state, reason: reasonOf(control) };
  }
  if (plan === undefined) return { ...base, state: 'planning', reason: undefined };
  if (failedShards.length > 0 && done.size + failedShards.length >= plan.shards) {
    const reason = `${failedShards.length} of ${plan.shards} shards were given up`;
    return { ...base, state: 'failed', reason };
  }
  return { ...base, state: 'running', reason: undefined };
}

function reasonOf({ reason }: Control): string | undefined {
  return reason === '' ? undefined : reason;
}

/** What complete groups say as a whole, and the others shard by shard. */
async function readDone(
  results: ObjectStore,
  keys: JobKeys,
  plan: Plan | undefined,
): Promise<{ done: Set<number>; figures: Figures }> {
  const done = new Set<number>();
  if (plan === undefined) return { done, figures: sumFigures([]) };
  const complete = await readGroups(results, keys);
  const all = Array.from(complete.values(), ({ figures }) => figures);
  const groups = Array.from({ length: plan.groups }, (_, group) => group).values();
  const worker = async () => {
    for (const group of groups) {
      for await (const { key } of listAll(results, keys.doneGroup(group))) {
        const entry = parseNumberedFigures(key);
        if (entry === undefined) continue;
        if (!complete.has(group)) all.push(entry.figures);
        done.add(entry.number);
      }
    }
  };
  await Promise.all(Array.from({ length: parallelListings }, worker));
  return { done, figures: sumFigures(all) };
}
