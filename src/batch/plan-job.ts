import { type JobKeys, jobKeys } from '../contract/job-keys.ts';
import { toServingError } from '../errors.ts';
import { failJob, readStop } from './control.ts';
import { dispatch } from './dispatch.ts';
import { decideDocument, encodeDocument } from './document.ts';
import { type Job, readJob } from './job.ts';
import { markCreated } from './job-marks.ts';
import { completeJob } from './manifest.ts';
import { refuseUnlikeColumns } from './merge-output.ts';
import {
  type Plan,
  type PlanGroup,
  planGroupSchema,
  planSchema,
  readPlan,
  readPlanGroup,
} from './plan.ts';
import { planGroup, planMarginMs } from './plan-group.ts';
import type { BatchContext } from './ports.ts';

export type PlanOutcome = 'planned' | 'continued' | 'stopped';

/**
 * Plans a job and sends its shards. Each step is written down once and found again, so it can be called again at
 * any time: after a death it goes on where the last written group ends.
 *
 * @param fromGroup groups before it have been sent
 * @param deadlineMs when the invocation ends
 * @returns `continued` with the group to go on from when time ran out
 */
export async function planJob(
  context: BatchContext,
  jobId: string,
  fromGroup: number,
  deadlineMs: number,
): Promise<{ readonly outcome: PlanOutcome; readonly fromGroup: number }> {
  const keys = jobKeys(jobId);
  const job = await readJob(context.results, keys);
  await markCreated(context.results, job);
  const stopped = { outcome: 'stopped', fromGroup } as const;
  if ((await readStop(context.results, keys)) !== undefined) return stopped;
  let plan: Plan | undefined;
  try {
    plan = await completePlan(context, keys, job, deadlineMs);
  } catch (thrown) {
    const error = toServingError(thrown);
    if (error.retryable || error.code === 'INTERNAL') throw thrown;
    await failJob(context, job, error.message);
    return stopped;
  }
  if (plan === undefined) return { outcome: 'continued', fromGroup };
  if ((await context.results.head(keys.dispatched)) !== undefined) {
    return { outcome: 'planned', fromGroup };
  }
  const next = await dispatch(context, keys, plan, fromGroup, deadlineMs);
  if (next !== undefined) return { outcome: 'continued', fromGroup: next };
  await context.results.put(keys.dispatched, encodeDocument({ shards: plan.shards }));
  if (plan.shards === 0) await completeJob(context, keys, job, []);
  return { outcome: 'planned', fromGroup };
}

/** The plan, written group by group; undefined when time ran out. */
async function completePlan(
  context: BatchContext,
  keys: JobKeys,
  job: Job,
  deadlineMs: number,
): Promise<Plan | undefined> {
  const { results } = context;
  const present = await readPlan(results, keys);
  if (present !== undefined) return present;
  let last = await readLastGroup(context, keys);
  while (last === undefined || last.next !== undefined) {
    if (context.nowMs() + planMarginMs >= deadlineMs) return undefined;
    const group = await planGroup(context, keys, job, last, deadlineMs);
    await refuseUnlike(context, keys, job, group);
    const decision = await decideDocument(
      results,
      keys.planGroup(group.group),
      planGroupSchema,
      group,
    );
    last = decision.document;
  }
  const decision = await decideDocument(results, keys.plan, planSchema, {
    jobId: job.jobId,
    shards: last.firstShard + last.shards.length,
    groups: last.shards.length === 0 ? last.group : last.group + 1,
    objects: last.objects,
    bytes: last.bytes,
  });
  context.log.info('job planned', { ...decision.document });
  return decision.document;
}

/** @throws ServingError INVALID_REQUEST when parts that are to be merged would not have the same columns */
async function refuseUnlike(
  { results }: BatchContext,
  keys: JobKeys,
  job: Job,
  group: PlanGroup,
): Promise<void> {
  const { merge, format } = job.output;
  if (!merge || format === 'jsonl') return;
  const first = group.group === 0 ? group : await readPlanGroup(results, keys, 0);
  refuseUnlikeColumns(job, first?.shards[0], group.shards);
}

async function readLastGroup(
  { results }: BatchContext,
  keys: JobKeys,
): Promise<PlanGroup | undefined> {
  const isWritten = async (group: number) =>
    (await results.head(keys.planGroup(group))) !== undefined;
  // Groups are written in order. A job of a hundred million objects has thousands, of megabytes each: none but the last is read.
  let high = 0;
  for (let step = 1; await isWritten(high); step *= 2) high += step;
  let low = 0;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (await isWritten(middle)) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? undefined : readPlanGroup(results, keys, low - 1);
}
