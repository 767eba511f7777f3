import * as v from 'valibot';
import { paceKey } from '../contract/job-keys.ts';
import type { PinnedModel } from '../models/reference.ts';
import { encodeDocument, readDocument } from './document.ts';
import type { Figures } from './figures.ts';
import type { Job } from './job.ts';
import type { ObjectStore } from './object-store.ts';
import type { Plan } from './plan.ts';

/**
 * What a record takes, all in all, and how large it is: of one version of a model, by the last job that could tell. Shards
 * are cut by it, and nothing else depends on it.
 */
export const paceSchema = v.object({
  msPerRecord: v.pipe(v.number(), v.minValue(0)),
  bytesPerRecord: v.pipe(v.number(), v.minValue(0)),
});
export type Pace = v.InferOutput<typeof paceSchema>;

/** Work that took less says more of what stands around it than of its records. */
const tellingMs = 1_000;

export function readPace(
  results: ObjectStore,
  { model, fingerprint }: PinnedModel,
): Promise<Pace | undefined> {
  return readDocument(results, paceKey(model, fingerprint), paceSchema);
}

/** Keeps what a job that is complete took, for jobs to come; the newest is as good as any. */
export async function rememberPace(
  results: ObjectStore,
  { model, input }: Pick<Job, 'model' | 'input'>,
  plan: Pick<Plan, 'bytes'>,
  { records, workMs }: Pick<Figures, 'records' | 'workMs'>,
): Promise<void> {
  // One request is not many records, and lines that tell of failed records are not as large as those are.
  if (input.kind === 'request' || input.kind === 'errors') return;
  if (records === 0 || workMs < tellingMs) return;
  const pace: Pace = { msPerRecord: workMs / records, bytesPerRecord: plan.bytes / records };
  await results.put(paceKey(model.model, model.fingerprint), encodeDocument(pace));
}
