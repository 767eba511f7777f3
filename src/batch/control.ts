import * as v from 'valibot';
import type { JobKeys } from '../contract/job-keys.ts';
import { encodeDocument, readDocument } from './document.ts';
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

/** Ends a job as a whole, for a reason that no further try can change. */
export async function failJob(
  { results, nowMs, meters, log }: Pick<BatchContext, 'results' | 'nowMs' | 'meters' | 'log'>,
  keys: JobKeys,
  reason: string,
): Promise<void> {
  const redrives = (await readControl(results, keys))?.redrives ?? 0;
  await writeControl(results, keys, { state: 'failed', reason, atMs: nowMs(), redrives });
  meters.jobFailed();
  log.warn('job failed', { job: keys.prefix, reason });
}
