import { jobKeys, jobsByTimePrefix, parseJobPlace } from '../contract/job-keys.ts';
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
/** Jobs that are looked at at a time. */
const parallelJobs = 16;

/**
 * Jobs with the newest first: one listing for hundreds of them, and at most one small read of a job whose marks do
 * not say all, but for one with shards that were given up, which is looked at as a whole.
 *
 * @param model only jobs of this model; a page may then be short although there is a next one
 * @param after what the page before gave as `next`
 * @param limit jobs on a page
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
  const found: MarkedJob[] = [];
  let after = options.after;
  for (let listings = 0; listings < maximumListings; listings++) {
    const { jobs, next } = await readMarks(context.results, after);
    for (const job of jobs) {
      if (found.length === limit) return summarise(context, found, after);
      after = `${job.place}~`;
      if (model === undefined || model === (await modelOf(context.results, job))) found.push(job);
    }
    if (next === undefined) return summarise(context, found, undefined);
    after = next;
  }
  return summarise(context, found, after);
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

async function modelOf(results: ObjectStore, job: MarkedJob): Promise<string | undefined> {
  return job.refused?.model ?? (await wordsOf(results, job))?.model;
}

async function wordsOf(results: ObjectStore, { jobId, created }: MarkedJob) {
  if (created === undefined || created.words !== undefined) return created?.words;
  const job = await readDocument(results, jobKeys(jobId).job, jobSchema);
  return job === undefined ? undefined : { ...job.model, source: job.source };
}

async function summarise(
  context: Pick<BatchContext, 'results' | 'nowMs'>,
  found: readonly MarkedJob[],
  next: string | undefined,
): Promise<JobListPage> {
  const jobs = new Array<JobSummary | undefined>(found.length);
  const places = found.entries();
  const worker = async () => {
    for (const [place, job] of places) jobs[place] = await summaryOf(context, job);
  };
  await Promise.all(Array.from({ length: parallelJobs }, worker));
  return { jobs: jobs.filter((job) => job !== undefined), next };
}

/** undefined for a mark that holds no longer: what was refused has become a job since. */
async function summaryOf(
  context: Pick<BatchContext, 'results' | 'nowMs'>,
  job: MarkedJob,
): Promise<JobSummary | undefined> {
  const { results } = context;
  const { jobId, createdAtMs, completed, troubled, created } = job;
  const keys = jobKeys(jobId);
  const words = await wordsOf(results, job);
  const base = {
    jobId,
    createdAtMs,
    words,
    reason: undefined,
    shards: undefined,
    figures: undefined,
  };
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
