import * as v from 'valibot';
import type { JobKeys } from '../contract/job-keys.ts';
import { readDocument } from './document.ts';
import { listAll, type ObjectStore } from './object-store.ts';
import { shardSchema } from './shard.ts';

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

/** Where planning goes on. */
export const planCursorSchema = v.object({
  /** Objects of the input that are planned whole. */
  objects: count,
  /** Their bytes. */
  bytes: count,
  /** For an input that is listed: its key after which listing goes on. */
  startAfter: v.optional(v.string()),
  /** Within the next object: where the next shard begins. */
  offset: count,
});
export type PlanCursor = v.InferOutput<typeof planCursorSchema>;

/** Up to 1,000 shards: what one listing can tell of. */
export const planGroupSchema = v.object({
  group: count,
  firstShard: count,
  shards: v.array(shardSchema),
  /** Where the next group begins; absent when this is the last. */
  next: v.optional(planCursorSchema),
  /** Objects and bytes of the whole input up to the end of this group. */
  objects: count,
  bytes: count,
});
export type PlanGroup = v.InferOutput<typeof planGroupSchema>;

/** `plan.json`: the plan is complete. */
export const planSchema = v.object({
  jobId: v.string(),
  shards: count,
  groups: count,
  /** The input. */
  objects: count,
  bytes: count,
});
export type Plan = v.InferOutput<typeof planSchema>;

export function readPlan(results: ObjectStore, keys: JobKeys): Promise<Plan | undefined> {
  return readDocument(results, keys.plan, planSchema);
}

export function readPlanGroup(
  results: ObjectStore,
  keys: JobKeys,
  group: number,
): Promise<PlanGroup | undefined> {
  return readDocument(results, keys.planGroup(group), planGroupSchema);
}

/** Every group of a plan in order. */
export async function* readPlanGroups(
  results: ObjectStore,
  keys: JobKeys,
): AsyncGenerator<PlanGroup> {
  for await (const { key } of listAll(results, keys.planGroups)) {
    const group = await readDocument(results, key, planGroupSchema);
    if (group !== undefined) yield group;
  }
}
