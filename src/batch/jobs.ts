import * as v from 'valibot';
import { isJobId, type JobKeys, jobKeys } from '../contract/job-keys.ts';
import { type ErrorCode, ServingError } from '../errors.ts';
import type { ModelReference } from '../models/reference.ts';
import { readControl, writeControl } from './control.ts';
import { dispatchAgain } from './dispatch.ts';
import { readJobErrors } from './job-errors.ts';
import { markTroubled } from './job-marks.ts';
import type { JobRequest } from './job-request.ts';
import { planMarginMs } from './plan-group.ts';
import { planJob } from './plan-job.ts';
import type { PlanMessage } from './plan-message.ts';
import { type JobProgress, readProgress } from './progress.ts';
import { type SubmitContext, submitRequest } from './submit.ts';
import { type LaterRequest, submitLaterRequest } from './submit-later.ts';

export interface JobsContext extends SubmitContext {
  readonly plans: { send(messages: readonly PlanMessage[]): Promise<void> };
}

/** Planning that a caller waits for: most plans are a matter of one object. */
const planMs = 3_000;

/** Makes a job and has it planned. @throws ServingError INVALID_REQUEST, NOT_FOUND */
export async function createJob(context: JobsContext, request: JobRequest): Promise<JobProgress> {
  return plan(context, await submitRequest(context, request));
}

/** Makes a job of one request that is answered later. @throws ServingError NOT_FOUND */
export async function createRequestJob(
  context: JobsContext,
  reference: ModelReference,
  request: LaterRequest,
): Promise<JobProgress> {
  return plan(context, await submitLaterRequest(context, reference, request));
}

async function plan(context: JobsContext, jobId: string): Promise<JobProgress> {
  const planned = await planJob(context, jobId, 0, context.nowMs() + planMarginMs + planMs);
  if (planned.outcome === 'continued') {
    await context.plans.send([{ planJob: { jobId, fromGroup: planned.fromGroup } }]);
  }
  return readProgress(context, jobId);
}

/**
 * The answer to a job of one request: the response as JSON; undefined while there is none.
 *
 * @throws ServingError what the record failed with; NOT_FOUND when it expired; CONFLICT for another job or one that was
 *   stopped
 */
export async function readRequestResult(
  context: JobsContext,
  jobId: string,
): Promise<string | undefined> {
  const { job, state, reason, figures } = await getJob(context, jobId);
  if (job?.input.kind !== 'request') {
    throw new ServingError('CONFLICT', `job ${jobId} is not one of a single request`);
  }
  if (state === 'failed' || state === 'cancelled') {
    throw new ServingError('CONFLICT', `job ${jobId}: ${reason}`);
  }
  if (state !== 'completed') return undefined;
  const keys = jobKeys(jobId);
  if (figures.failed === 0) {
    const output = await context.results.get(keys.output(0, 1, 'jsonl'));
    if (output === undefined) {
      throw new ServingError('NOT_FOUND', `job ${jobId}: its result is no longer there`);
    }
    return Buffer.from(output.body).toString();
  }
  const [error] = (await readJobErrors(context.results, jobId, undefined, 1)).errors;
  const { code, reason: message } = v.parse(failureSchema, error);
  throw new ServingError(code, message);
}

const failureSchema = v.object({
  code: v.custom<ErrorCode>((code) => typeof code === 'string'),
  reason: v.string(),
});

/** @throws ServingError NOT_FOUND */
export function getJob(context: JobsContext, jobId: string): Promise<JobProgress> {
  if (!isJobId(jobId)) throw new ServingError('NOT_FOUND', `job ${jobId} is not found`);
  return readProgress(context, jobId);
}

/** Stops a job: what is under way ends at the next look, and no further shard is begun. */
export async function cancelJob(context: JobsContext, jobId: string): Promise<JobProgress> {
  const { state, job } = await getJob(context, jobId);
  if (state === 'completed') throw new ServingError('CONFLICT', `job ${jobId} is complete`);
  if (job !== undefined) await markTroubled(context.results, job);
  await setState(context, jobKeys(jobId), 'cancelled', 'it was cancelled', 0);
  return getJob(context, jobId);
}

/**
 * Runs again what a job has not done: shards that were given up, or everything that was left when it failed or was
 * cancelled. What is done stays as it is.
 */
export async function redriveJob(context: JobsContext, jobId: string): Promise<JobProgress> {
  const progress = await getJob(context, jobId);
  const { job, plan, state, done } = progress;
  if (job === undefined) {
    throw new ServingError('CONFLICT', `job ${jobId} was refused: ${progress.reason}`);
  }
  if (state === 'completed') throw new ServingError('CONFLICT', `job ${jobId} is complete`);
  const keys = jobKeys(jobId);
  const redrives = await setState(context, keys, 'running', 'it was driven again', 1);
  if (plan === undefined || (await context.results.head(keys.dispatched)) === undefined) {
    await context.plans.send([{ planJob: { jobId, fromGroup: 0 } }]);
  } else {
    await dispatchAgain(context, keys, plan, (shard) => !done.has(shard), redrives);
  }
  return getJob(context, jobId);
}

/** @returns how often the job was driven again */
async function setState(
  { results, nowMs }: JobsContext,
  keys: JobKeys,
  state: 'running' | 'cancelled',
  reason: string,
  again: number,
): Promise<number> {
  const control = await readControl(results, keys);
  const redrives = (control?.redrives ?? 0) + again;
  const { refusedAtMs } = control ?? {};
  await writeControl(results, keys, { state, reason, atMs: nowMs(), redrives, refusedAtMs });
  return redrives;
}
