import type { JobKeys } from '../contract/job-keys.ts';
import { type Plan, type PlanGroup, readPlanGroup, readPlanGroups } from './plan.ts';
import { planMarginMs } from './plan-group.ts';
import type { BatchContext } from './ports.ts';
import type { Shard, ShardMessage } from './shard.ts';

/** Messages that are sent between two looks at the clock. */
const dispatchMessages = 200;

/** Sends every shard from a group on; the group to go on from when time ran out. */
export async function dispatch(
  context: BatchContext,
  keys: JobKeys,
  plan: Plan,
  fromGroup: number,
  deadlineMs: number,
): Promise<number | undefined> {
  for (let number = fromGroup; number < plan.groups; number++) {
    if (context.nowMs() + planMarginMs >= deadlineMs) return number;
    const group = await readPlanGroup(context.results, keys, number);
    if (group === undefined) break;
    const messages = group.shards.map((shard) => messageFor(plan, group, shard, 0));
    for (let start = 0; start < messages.length; start += dispatchMessages) {
      await context.shards.send(messages.slice(start, start + dispatchMessages));
    }
  }
  return undefined;
}

function messageFor(plan: Plan, group: PlanGroup, shard: Shard, redrives: number): ShardMessage {
  return {
    jobId: plan.jobId,
    shard,
    shards: plan.shards,
    group: { index: group.group, shards: group.shards.length },
    groups: plan.groups,
    continued: 0,
    redrives,
  };
}

/** Sends shards once more. @returns how many */
export async function dispatchAgain(
  { results, shards }: BatchContext,
  keys: JobKeys,
  plan: Plan,
  wanted: (shard: number) => boolean,
  redrives: number,
): Promise<number> {
  let sent = 0;
  for await (const group of readPlanGroups(results, keys)) {
    const messages = group.shards
      .filter(({ index }) => wanted(index))
      .map((shard) => messageFor(plan, group, shard, redrives));
    await shards.send(messages);
    sent += messages.length;
  }
  return sent;
}
