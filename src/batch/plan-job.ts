import { type JobKeys, jobKeys } from '../contract/job-keys.ts';
import { toServingError } from '../errors.ts';
import { failJob, readStop } from './control.ts';
import { decideDocument, encodeDocument } from './document.ts';
import { formatOf } from './formats.ts';
import { readErrorObjects, readInputObjects } from './input-objects.ts';
import { type InputObject, type Job, readJob } from './job.ts';
import { markCreated } from './job-marks.ts';
import { completeJob } from './manifest.ts';
import { refuseUnlikeColumns } from './merge-output.ts';
import {
  type Plan,
  type PlanCursor,
  type PlanGroup,
  planGroupSchema,
  planSchema,
  readPlan,
  readPlanGroup,
  readPlanGroups,
} from './plan.ts';
import type { BatchContext } from './ports.ts';
import type { Shard, ShardMessage, ShardSource } from './shard.ts';
import { splitObject } from './split/split.ts';
import { splitErrors } from './split/split-bytes.ts';

/** One listing tells of so many shards. */
export const groupShards = 1_000;
/** A group is read whole, by the planner that goes on and by a redrive. */
const groupBytes = 4 * 1024 * 1024;
/** Objects of one shard, where each is a record: each costs a request. */
export const mediaObjects = 500;
/** A message has to hold them. */
const sourceBytes = 160 * 1024;
/** Left over at the end of an invocation, to write the group that is open. */
export const planMarginMs = 10_000;
/** Messages that are sent between two looks at the clock. */
const dispatchMessages = 200;

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
  if (plan.shards === 0) await completeJob(context, keys, job);
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
  let last: PlanGroup | undefined;
  let number = 0;
  // Groups are written in order: the first that is missing comes after the last.
  for (;;) {
    const group = await readPlanGroup(results, keys, number);
    if (group === undefined) return last;
    last = group;
    number += 1;
  }
}

/** The group that follows, as large as it may be or as time allows. */
async function planGroup(
  context: BatchContext,
  keys: JobKeys,
  job: Job,
  last: PlanGroup | undefined,
  deadlineMs: number,
): Promise<PlanGroup> {
  const firstShard = last === undefined ? 0 : last.firstShard + last.shards.length;
  const open = new OpenGroup(firstShard, last?.next ?? { objects: 0, bytes: 0, offset: 0 });
  const isLate = () => context.nowMs() + planMarginMs >= deadlineMs;
  const finished = await fill(context, keys, job, open, isLate);
  const { cursor } = open;
  return {
    group: last === undefined ? 0 : last.group + 1,
    firstShard,
    shards: open.shards,
    ...(finished ? {} : { next: cursor }),
    objects: cursor.objects,
    bytes: cursor.bytes,
  };
}

/** @returns whether the input ended */
async function fill(
  context: BatchContext,
  keys: JobKeys,
  job: Job,
  open: OpenGroup,
  isLate: () => boolean,
): Promise<boolean> {
  if (job.input.kind === 'request') {
    const { object } = job.input;
    const unpacked = { key: 'request', offset: 0 };
    const range = { start: 0, end: object.sizeBytes };
    open.add({ kind: 'lines', format: 'jsonl', object, ...range, unpacked }, undefined, object);
    return true;
  }
  if (job.input.kind === 'errors')
    return fillWithErrors(context, job.input.jobId, job, open, isLate);
  const splitContext = { ...context, keys, job };
  const media: InputObject[] = [];
  const flush = () => {
    if (media.length > 0) open.addObjects(media.splice(0));
    return open.isFull() || isLate();
  };
  for await (const object of readInputObjects(context, job, open.cursor)) {
    const content = formatOf(object.key, job.format);
    if (content.format === 'media') {
      media.push(object);
      const full =
        media.length >= Math.min(job.shardRecords, mediaObjects) ||
        JSON.stringify(media).length >= sourceBytes;
      if (full && flush()) return false;
      continue;
    }
    if (media.length > 0 && flush()) return false;
    const { offset } = open.cursor;
    for await (const { source, next } of splitObject(splitContext, object, content, offset)) {
      open.add(source, next, object);
      if (open.isFull() || isLate()) return false;
    }
  }
  flush();
  return true;
}

/** The failed records of another job: lines of its errors files. */
async function fillWithErrors(
  { results }: BatchContext,
  jobId: string,
  job: Job,
  open: OpenGroup,
  isLate: () => boolean,
): Promise<boolean> {
  for await (const object of readErrorObjects(results, jobId, open.cursor.objects)) {
    for (const { source, next } of splitErrors(object, job, open.cursor.offset)) {
      open.add(source, next, object);
      if (open.isFull() || isLate()) return false;
    }
  }
  return true;
}

class OpenGroup {
  readonly shards: Shard[] = [];
  cursor: PlanCursor;
  readonly #firstShard: number;
  #bytes = 0;

  constructor(firstShard: number, cursor: PlanCursor) {
    this.#firstShard = firstShard;
    this.cursor = cursor;
  }

  /** A shard of objects that are a record each. */
  addObjects(objects: readonly InputObject[]): void {
    const { cursor } = this;
    this.#push({ kind: 'objects', objects: [...objects], before: cursor.objects });
    this.cursor = {
      objects: cursor.objects + objects.length,
      bytes: objects.reduce((sum, { sizeBytes }) => sum + sizeBytes, cursor.bytes),
      startAfter: objects.at(-1)?.key,
      offset: 0,
    };
  }

  #push(source: ShardSource): void {
    const shard = { index: this.#firstShard + this.shards.length, source };
    this.shards.push(shard);
    this.#bytes += JSON.stringify(shard).length;
  }

  /** @param next where the object goes on; undefined when the shard is its last */
  add(source: ShardSource, next: number | undefined, object: InputObject): void {
    this.#push(source);
    this.cursor =
      next === undefined
        ? {
            objects: this.cursor.objects + 1,
            bytes: this.cursor.bytes + object.sizeBytes,
            startAfter: object.key,
            offset: 0,
          }
        : { ...this.cursor, offset: next };
  }

  isFull(): boolean {
    return this.shards.length >= groupShards || this.#bytes >= groupBytes;
  }
}

/** Sends every shard from a group on; the group to go on from when time ran out. */
async function dispatch(
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
