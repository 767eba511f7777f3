import * as v from 'valibot';
import type { JobKeys } from '../contract/job-keys.ts';
import { encodeDocument, readDocument } from './document.ts';
import type { ObjectStore } from './object-store.ts';

/** `control.json`: whether work on the job shall go on. */
export const controlSchema = v.object({
  state: v.picklist(['running', 'cancelled', 'failed']),
  /** Why, for people. */
  reason: v.string(),
  atMs: v.number(),
});
export type Control = v.InferOutput<typeof controlSchema>;

/** Why the job was stopped; undefined while it may go on. */
export async function readStop(results: ObjectStore, keys: JobKeys): Promise<Control | undefined> {
  const control = await readDocument(results, keys.control, controlSchema);
  return control?.state === 'running' ? undefined : control;
}

/**
 * Stops the job, or lets it go on again. Who comes last decides: both are acts of people, or of workers that found
 * the same thing wrong.
 */
export async function writeControl(
  results: ObjectStore,
  keys: JobKeys,
  control: Control,
): Promise<void> {
  await results.put(keys.control, encodeDocument(control), { contentType: 'application/json' });
}
