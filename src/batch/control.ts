import * as v from 'valibot';
import { type JobKeys, jobKeys } from '../contract/job-keys.ts';
import { encodeDocument, readDocument } from './document.ts';
import type { Job } from './job.ts';
import { markRefused, markTroubled } from './job-marks.ts';
import type { ObjectStore } from './object-store.ts';
import type { BatchContext } from './ports.ts';

/** `control.json`: whether work on the job shall go on. */
export const controlSchema = v.object({
  state: v.picklist(['running', 'cancelled', 'failed']),
  /** Why, for people. */
  reason: v.string(),
  atMs: v.number(),
  /** How often the job was driven again. @default 0 */
  redrives: v.optional(v.number(), 0),
  /** When what asked for the job was refused, the first time; undefined for what became a job. */
  refusedAtMs: v.optional(v.number()),
});
export type Control = v.InferOutput<typeof controlSchema>;

/** Why the job was stopped; undefined while it may go on. */
export async function readStop(results: ObjectStore, keys: JobKeys): Promise<Control | undefined> {
  const control = await readControl(results, keys);
  return control?.state === 'running' ? undefined : control;
}

/** undefined for a job that was never stopped. */
export function readControl(results: ObjectStore, keys: JobKeys): Promise<Control | undefined> {
  return readDocument(results, keys.control, controlSchema);
}

/**
 * Stops the job, or lets it go on again. Who comes last decides: both are acts of people, or of workers that found
 * the same thing wrong.
 */
export async function writeControl(
  results: ObjectStore,
  keys: JobKeys,
  control: v.InferInput<typeof controlSchema>,
): Promise<void> {
  await results.put(keys.control, encodeDocument(control), { contentType: 'application/json' });
}

type FailureContext = Pick<BatchContext, 'results' | 'nowMs' | 'meters' | 'log'>;

/** Ends a job as a whole, for a reason that no further try can change. */
export async function failJob(context: FailureContext, job: Job, reason: string): Promise<void> {
  // First: the list looks closer at a job that is marked, and finds what is so.
  await markTroubled(context.results, job);
  await writeFailure(context, jobKeys(job.jobId), reason, undefined);
}

/**
 * Writes down why there will be no job. However often it is told, the list has it once, at the time when it was
 * refused first.
 */
export async function refuseJob(
  context: FailureContext,
  jobId: string,
  model: string | undefined,
  reason: string,
): Promise<void> {
  const keys = jobKeys(jobId);
  const control = await readControl(context.results, keys);
  const refusedAtMs = control?.refusedAtMs ?? context.nowMs();
  await markRefused(context.results, { jobId, refusedAtMs, model });
  await writeFailure(context, keys, reason, refusedAtMs);
}

async function writeFailure(
  { results, nowMs, meters, log }: FailureContext,
  keys: JobKeys,
  reason: string,
  refusedAtMs: number | undefined,
): Promise<void> {
  const redrives = (await readControl(results, keys))?.redrives ?? 0;
  const control = { state: 'failed', reason, atMs: nowMs(), redrives, refusedAtMs } as const;
  await writeControl(results, keys, control);
  meters.jobFailed();
  log.warn('job failed', { job: keys.prefix, reason });
}
