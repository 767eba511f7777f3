import { jobKeys, jobsByTimePrefix, parseJobPlace } from '../contract/job-keys.ts';
import { invalidRequest } from '../errors.ts';
import { mapLimited } from '../models/map-limited.ts';
import { quote } from '../protocol/fields.ts';
import { readControl } from './control.ts';
import { readDocument } from './document.ts';
import type { Figures } from './figures.ts';
import { jobSchema } from './job.ts';
import { type JobMark, type JobWords, parseJobMark } from './job-marks.ts';
import type { ObjectStore } from './object-store.ts';
import { readPlan } from './plan.ts';
import type { BatchContext } from './ports.ts';
import { type JobState, readProgress } from './progress.ts';

/** A job as the list shows it. */
export interface JobSummary {
  readonly jobId: string;
  readonly createdAtMs: number;
  readonly state: JobState;
  /** Why it failed or was cancelled. */
  readonly reason: string | undefined;
  /** undefined for what was refused before it was a job. */
  readonly words: JobWords | undefined;
  /** Shards that are planned; undefined while that is not known. */
  readonly shards: number | undefined;
  /** undefined while the job is not complete: adding up what is done takes a look at each shard. */
  readonly figures: Figures | undefined;
}

export interface JobListPage {
  readonly jobs: readonly JobSummary[];
  /** Asks for the next page; undefined when there is none. */
  readonly next: string | undefined;
}

/** What the marks say of one job. */
interface MarkedJob {
  readonly jobId: string;
  readonly createdAtMs: number;
  /** What all of its keys begin with. */
  readonly place: string;
  created: Extract<JobMark, { kind: 'created' }> | undefined;
  refused: Extract<JobMark, { kind: 'refused' }> | undefined;
  completed: Extract<JobMark, { kind: 'completed' }> | undefined;
  troubled: boolean;
}

/** Listings of one page: jobs of one model may be rare among those of others. */
const maximumListings = 10;
/** Jobs of one page that are looked at in vain: what is no job any more, or whose mark does not say its model. */
const maximumVainLooks = 100;
/** Jobs that are looked at at a time. */
const parallelJobs = 16;

/**
 * Jobs with the newest first: one listing for hundreds of them, and at most one small read of a job whose marks do
 * not say all, but for one with shards that were given up, which is looked at as a whole.
 *
 * A page is full while there are more jobs that it asks for, within bounded work: after ten listings, or a look at a
 * hundred jobs more than its limit, it may be short, or empty, and still have a next one. Only a page without `next`
 * is the last.
 *
 * @param model only jobs of this model
 * @param after what the page before gave as `next`
 * @param limit jobs on a page
 * @throws ServingError INVALID_REQUEST for an `after` that no page gave
 */
export async function listJobs(
  context: Pick<BatchContext, 'results' | 'nowMs'>,
  options: {
    readonly model: string | undefined;
    readonly after: string | undefined;
    readonly limit: number;
  },
): Promise<JobListPage> {
  const { model, limit } = options;
  const jobs: JobSummary[] = [];
  let looks = limit + maximumVainLooks;
  let { after } = options;
  if (after?.startsWith(jobsByTimePrefix) === false) {
    throw invalidRequest('after', 'what a page gave as next', quote(after));
  }
  for (let listings = 0; listings < maximumListings; listings++) {
    const listed = await readMarks(context.results, after);
    let passed = 0;
    for (;;) {
      // Those of other models, as far as marks say, cost nothing: also behind a full page, so that none is empty for them.
      while (passed < listed.jobs.length && isOfOther(listed.jobs[passed], model)) passed += 1;
      if (passed === listed.jobs.length) break;
      if (jobs.length === limit || looks === 0)
        return { jobs, next: behind(listed.jobs, passed, after) };
      const some = takeCandidates(listed.jobs, passed, model, limit - jobs.length, looks);
      const look = ({ job }: Candidate) => summaryOf(context, job, model);
      const summaries = await mapLimited(some, parallelJobs, look);
      looks -= some.length;
      for (const [index, { place }] of some.entries()) {
        const summary = summaries[index];
        if (summary !== undefined && jobs.length === limit) break;
        if (summary !== undefined) jobs.push(summary);
        passed = place + 1;
      }
    }
    if (listed.next === undefined) return { jobs, next: undefined };
    after = listed.next;
    if (jobs.length === limit || looks === 0) break;
  }
  return { jobs, next: after };
}

/** What asks for the jobs from this one on. */
function behind(
  jobs: readonly MarkedJob[],
  passed: number,
  after: string | undefined,
): string | undefined {
  const last = jobs[passed - 1];
  return last === undefined ? after : `${last.place}~`;
}

/** Whether the marks of a job say that it is of another model. */
function isOfOther(job: MarkedJob | undefined, model: string | undefined): boolean {
  if (job === undefined || model === undefined) return false;
  const known = job.refused?.model ?? job.created?.words?.model;
  if (known !== undefined) return known !== model;
  // What was created says it in its document.
  return job.created === undefined;
}

interface Candidate {
  readonly job: MarkedJob;
  /** In its listing. */
  readonly place: number;
}

/**
 * The next jobs that may be on the page: as many as it wants, and where marks do not say that those will be on it, enough
 * to look at side by side.
 */
function takeCandidates(
  jobs: readonly MarkedJob[],
  start: number,
  model: string | undefined,
  wanted: number,
  looks: number,
): readonly Candidate[] {
  const candidates: Candidate[] = [];
  const most = Math.min(Math.max(wanted, parallelJobs), looks);
  let certain = 0;
  for (const [index, job] of jobs.slice(start).entries()) {
    if (certain === wanted || candidates.length === most) break;
    if (isOfOther(job, model)) continue;
    candidates.push({ job, place: start + index });
    if (isCertain(job, model)) certain += 1;
  }
  return candidates;
}

/** Whether the marks of a job say that it is one, and of that model. */
function isCertain({ created }: MarkedJob, model: string | undefined): boolean {
  return created !== undefined && (model === undefined || created.words !== undefined);
}

/** One listing, and where to go on; undefined when there is nothing behind it. */
async function readMarks(
  results: ObjectStore,
  after: string | undefined,
): Promise<{ readonly jobs: readonly MarkedJob[]; readonly next: string | undefined }> {
  const page = await results.list(jobsByTimePrefix, { startAfter: after });
  const jobs: MarkedJob[] = [];
  for (const { key } of page.objects) {
    const place = parseJobPlace(key);
    if (place === undefined) continue;
    const { jobId, createdAtMs } = place;
    let job = jobs.at(-1);
    if (job?.jobId !== jobId || job.createdAtMs !== createdAtMs) {
      job = newMarkedJob(jobId, createdAtMs, key.slice(0, -place.mark.length));
      jobs.push(job);
    }
    addMark(job, parseJobMark(place.mark));
  }
  // Marks of the last one may go on behind the listing's end: a job has a handful, a listing a thousand.
  const last = page.next === undefined ? undefined : jobs.pop();
  return { jobs, next: last?.place ?? page.next };
}

function newMarkedJob(jobId: string, createdAtMs: number, place: string): MarkedJob {
  const none = { created: undefined, refused: undefined, completed: undefined, troubled: false };
  return { jobId, createdAtMs, place, ...none };
}

function addMark(job: MarkedJob, mark: JobMark | undefined): void {
  switch (mark?.kind) {
    case 'created':
      job.created = mark;
      break;
    case 'refused':
      job.refused = mark;
      break;
    case 'completed':
      job.completed = mark;
      break;
    case 'troubled':
      job.troubled = true;
      break;
    case undefined:
  }
}

async function wordsOf(results: ObjectStore, { jobId, created }: MarkedJob) {
  if (created === undefined || created.words !== undefined) return created?.words;
  const job = await readDocument(results, jobKeys(jobId).job, jobSchema);
  return job === undefined ? undefined : { ...job.model, source: job.source };
}

/** undefined for a job of another model, and for a mark that holds no longer: what was refused has become a job since. */
async function summaryOf(
  context: Pick<BatchContext, 'results' | 'nowMs'>,
  job: MarkedJob,
  model: string | undefined,
): Promise<JobSummary | undefined> {
  const { results } = context;
  const { jobId, createdAtMs, completed, troubled, created } = job;
  const keys = jobKeys(jobId);
  const words = await wordsOf(results, job);
  if (model !== undefined && (job.refused?.model ?? words?.model) !== model) return undefined;
  const none = { reason: undefined, shards: undefined, figures: undefined };
  const base = { jobId, createdAtMs, words, ...none };
  if (completed !== undefined) {
    const { shards, figures } = completed;
    return { ...base, state: 'completed', shards, figures };
  }
  if (created !== undefined && !troubled) {
    const shards = (await readPlan(results, keys))?.shards;
    return { ...base, state: shards === undefined ? 'planning' : 'running', shards };
  }
  const control = await readControl(results, keys);
  if (created === undefined) {
    const holds = control?.refusedAtMs === createdAtMs && control.state !== 'running';
    if (!holds || (await results.head(keys.job)) !== undefined) return undefined;
  }
  if (control !== undefined && control.state !== 'running') {
    return { ...base, state: control.state, reason: control.reason };
  }
  const { state, reason, plan } = await readProgress(context, jobId);
  return { ...base, state, reason, shards: plan?.shards };
}
