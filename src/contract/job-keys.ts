import { jobsResultPrefix } from './keys.ts';

/**
 * Keys of a transform job in the results bucket, below `jobs/<job id>/`:
 *
 *     job.json                              what was asked, and the model version pinned for it; written first, once
 *     plan/00000.json ...                   shards in groups of up to 1,000
 *     plan.json                             how many shards and groups there are: the plan is complete
 *     dispatched.json                       every shard has been sent once
 *     output/part-00017-of-00345.jsonl      predictions; the write that decides a shard
 *     errors/part-00017-of-00345.jsonl      failed records of the shard, when there are any
 *     done/00000/00017.r..                  a shard whose output and errors are there; the numbers are in the key
 *     groups/00000.r..                      a group whose shards are all done, likewise
 *     failed/00017.json                     a shard that was given up, with the reason
 *     stopped.json                          the job was cancelled, or failed as a whole, with the reason
 *     timing.json                           everything that differs from run to run
 *     manifest.json                         the job is complete
 *     work/                                 working state: segments, attempts; of no use once the manifest is there
 */
export function jobKeys(jobId: string) {
  const prefix = `${jobsResultPrefix}${jobId}/`;
  const shardName = (shard: number) => String(shard).padStart(5, '0');
  const part = (shard: number, shards: number, extension: string) =>
    `part-${shardName(shard)}-of-${shardName(shards)}.${extension}`;
  return {
    prefix,
    job: `${prefix}job.json`,
    planGroup: (group: number) => `${prefix}plan/${shardName(group)}.json`,
    planGroups: `${prefix}plan/`,
    plan: `${prefix}plan.json`,
    dispatched: `${prefix}dispatched.json`,
    output: (shard: number, shards: number, extension: string) =>
      `${prefix}output/${part(shard, shards, extension)}`,
    errors: (shard: number, shards: number) => `${prefix}errors/${part(shard, shards, 'jsonl')}`,
    errorParts: `${prefix}errors/`,
    mergedOutput: (extension: string) => `${prefix}output.${extension}`,
    doneGroup: (group: number) => `${prefix}done/${shardName(group)}/`,
    done: `${prefix}done/`,
    groups: `${prefix}groups/`,
    failed: `${prefix}failed/`,
    failedShard: (shard: number) => `${prefix}failed/${shardName(shard)}.json`,
    stopped: `${prefix}stopped.json`,
    timing: `${prefix}timing.json`,
    manifest: `${prefix}manifest.json`,
    notified: `${prefix}work/notified.json`,
    mergedGroup: (group: number) => `${prefix}work/merged/${shardName(group)}`,
    /** Segments of a shard: `<record>.json` decides, what it names lies beside it. */
    segments: (shard: number) => `${prefix}work/segments/${shardName(shard)}/`,
    /** What attempts at a shard were doing, for the one that comes after a death. */
    attempts: (shard: number) => `${prefix}work/attempts/${shardName(shard)}/`,
    /** Failed records of one attempt, before it is known whether that attempt decides the shard. */
    prepared: (shard: number, attempt: string) =>
      `${prefix}work/prepared/${shardName(shard)}/${attempt}.jsonl`,
  };
}

export type JobKeys = ReturnType<typeof jobKeys>;

/** The number in a key or name such as `00017.json`; undefined when there is none. */
export function parseShardName(name: string): number | undefined {
  const digits = /(?:^|\/)(\d{5,7})(?:[./]|$)/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** What a job id is: words that a person recognises, and sixteen hexadecimal digits that make it unique. */
const jobIdPattern = /^[A-Za-z0-9._-]{1,80}\.[0-9a-f]{16}$/;

export function isJobId(text: string): boolean {
  return jobIdPattern.test(text);
}

/** A name as a job id may hold it: other characters become `-`, and it is cut at 32. */
export function jobIdWord(name: string): string {
  const word = name
    .normalize('NFKD')
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[-.]+|[-.]+$/g, '')
    .slice(0, 32);
  return word === '' ? 'job' : word;
}
