import type { JobKeys } from '../contract/job-keys.ts';
import { formatOf } from './formats.ts';
import { readErrorObjects, readInputObjects } from './input-objects.ts';
import type { InputObject, Job } from './job.ts';
import type { PlanCursor, PlanGroup } from './plan.ts';
import type { BatchContext } from './ports.ts';
import type { Shard, ShardSource } from './shard.ts';
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

/** The group that follows, as large as it may be or as time allows. */
export async function planGroup(
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
  let mediaBytes = 0;
  const flush = () => {
    mediaBytes = 0;
    if (media.length > 0) open.addObjects(media.splice(0));
    return open.isFull() || isLate();
  };
  for await (const object of readInputObjects(context, job, open.cursor)) {
    const content = formatOf(object.key, job.format);
    if (content.format === 'media') {
      media.push(object);
      mediaBytes += Buffer.byteLength(JSON.stringify(object)) + 1;
      const full =
        media.length >= Math.min(job.shardRecords, mediaObjects) || mediaBytes >= sourceBytes;
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
