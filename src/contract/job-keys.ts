import { jobsResultPrefix } from './keys.ts';

/**
 * Keys of a transform job in the results bucket.
 *
 *     jobs/<job id>/job.json          what was asked, and the model version pinned for it; written first, once
 *     jobs/<job id>/plan.json         how many shards there are: the plan is complete
 *     jobs/<job id>/output/           part-00017-of-00345.jsonl: predictions; the write that decides a shard
 *     jobs/<job id>/errors/           part-00017-of-00345.jsonl: failed records of a shard, when there are any
 *     jobs/<job id>/output.jsonl      all parts as one object, when asked for
 *     jobs/<job id>/errors.jsonl      all failed records with their numbers in the whole input
 *     jobs/<job id>/timing.json       everything that differs from run to run
 *     jobs/<job id>/manifest.json     the job is complete
 *     jobs/<job id>/state/plan/       00000.json: shards in groups of up to 1,000
 *     jobs/<job id>/state/dispatched.json  every shard has been sent once
 *     jobs/<job id>/state/done/       00000/00017.r..: a shard whose output and errors are there, with its figures
 *     jobs/<job id>/state/groups/     00000.r..: a group whose shards are all done, likewise
 *     jobs/<job id>/state/figures/    00017/<attempt>: those of an output part that was begun before they were known
 *     jobs/<job id>/state/failed/     00017.json: a shard that was given up, with the reason
 *     jobs/<job id>/state/control.json  the job was cancelled, or failed as a whole, with the reason
 *     jobs/.work/<job id>/            segments, attempts: of no use once the manifest is there; may be expired
 *     jobs/.by-time/<time>/<job id>/  marks for the list of jobs, of no bytes
 */
export function jobKeys(jobId: string) {
  const prefix = `${jobsResultPrefix}${jobId}/`;
  const state = `${prefix}state/`;
  const work = `${jobsWorkPrefix}${jobId}/`;
  const part = (shard: number, shards: number, extension: string) =>
    `part-${digits(shard)}-of-${digits(shards)}.${extension}`;
  return {
    prefix,
    job: `${prefix}job.json`,
    plan: `${prefix}plan.json`,
    output: (shard: number, shards: number, extension: string) =>
      `${prefix}output/${part(shard, shards, extension)}`,
    errors: (shard: number, shards: number) => `${prefix}errors/${part(shard, shards, 'jsonl')}`,
    errorParts: `${prefix}errors/`,
    mergedOutput: (extension: string) => `${prefix}output.${extension}`,
    mergedErrors: `${prefix}errors.jsonl`,
    timing: `${prefix}timing.json`,
    manifest: `${prefix}manifest.json`,

    planGroups: `${state}plan/`,
    planGroup: (group: number) => `${state}plan/${digits(group)}.json`,
    dispatched: `${state}dispatched.json`,
    done: (group: number, shard: number, figures: string) =>
      `${state}done/${digits(group)}/${digits(shard)}.${figures}`,
    doneGroup: (group: number) => `${state}done/${digits(group)}/`,
    groups: `${state}groups/`,
    group: (group: number, figures: string) => `${state}groups/${digits(group)}.${figures}.json`,
    figures: (shard: number, attempt: string) => `${state}figures/${digits(shard)}/${attempt}`,
    failedShards: `${state}failed/`,
    failedShard: (shard: number) => `${state}failed/${digits(shard)}.json`,
    control: `${state}control.json`,

    notified: `${work}notified.json`,
    calibration: `${work}calibration.json`,
    request: `${work}request.jsonl`,
    mergedGroup: (group: number) => `${work}merged/${digits(group)}`,
    segments: (shard: number) => `${work}segments/${digits(shard)}/`,
    attempts: (shard: number, redrives: number) => `${work}attempts/${digits(shard)}/${redrives}/`,
    /** A stretch of an object that was packed, by the object's hash and where it begins in what the object holds. */
    unpacked: (object: string, offset: number) =>
      `${work}unpacked/${object}/${String(offset).padStart(15, '0')}`,
    prepared: (shard: number, attempt: string) => `${work}prepared/${digits(shard)}/${attempt}`,
  };
}

/** Working state of all jobs: one prefix, so that one lifecycle rule can expire it. No job id is like it. */
export const jobsWorkPrefix = `${jobsResultPrefix}.work/`;

/** Marks of jobs, newest first: what one listing tells of hundreds. No job id is like it. */
export const jobsByTimePrefix = `${jobsResultPrefix}.by-time/`;

/** The place of a job in the list: later times sort first, and of one time the ids. */
export function jobPlace(createdAtMs: number, jobId: string): string {
  const reversed = String(lastMs - createdAtMs).padStart(String(lastMs).length, '0');
  return `${jobsByTimePrefix}${reversed}/${jobId}/`;
}

/** What a key of the list says; undefined when it is none. */
export function parseJobPlace(
  key: string,
): { readonly createdAtMs: number; readonly jobId: string; readonly mark: string } | undefined {
  const [, reversed, jobId, mark] = placePattern.exec(key) ?? [];
  if (jobId === undefined || mark === undefined) return undefined;
  return { createdAtMs: lastMs - Number(reversed), jobId, mark };
}

/** The year 2286: until then, milliseconds since 1970 have thirteen digits. */
const lastMs = 9_999_999_999_999;
const placePattern = /^jobs\/\.by-time\/(\d{13})\/([^/]+)\/([^/]+)$/;

/** How a version of a model is run in jobs, as it was last measured. */
export function calibrationKey(model: string, fingerprint: string): string {
  return `${jobsWorkPrefix}calibration/${model}/${fingerprint}.json`;
}

/** What a record took of a version of a model, in the last job that could tell. */
export function paceKey(model: string, fingerprint: string): string {
  return `${jobsWorkPrefix}pace/${model}/${fingerprint}.json`;
}

/** Numbers of shards and groups in names: they sort as they count, up to 99,999. */
function digits(number: number): string {
  return String(number).padStart(5, '0');
}

export type JobKeys = ReturnType<typeof jobKeys>;

/** What a job id is: words that a person recognises, and sixteen hexadecimal digits that make it unique. */
const jobIdPattern = /^[A-Za-z0-9._-]{1,80}\.[0-9a-f]{16}$/;

/** The word in the id of a job that is one request, answered later: `<model's word>.request.<digits>`. */
export const laterJobWord = 'request';

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
