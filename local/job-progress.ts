import { jobsResultPrefix } from '../src/contract/keys.ts';

/** A sentence about a job, when there is something to say. */
export type Say = (sentence: string) => void;

interface Progress {
  /** Keys of the parts that are there: one may be told twice. */
  readonly parts: Set<string>;
  lastSaidMs: number;
}

/** Between two sentences about the same job. */
const pauseMs = 1000;

/**
 * Follows transform jobs by the keys that come into the results bucket, which are all there is to know about
 * them (src/contract/job-keys.ts).
 * @returns to be called with each key, and the bucket's name
 */
export function followJobs(
  say: Say,
  now: () => number = Date.now,
): (key: string, bucket: string) => void {
  const jobs = new Map<string, Progress>();

  function onPart(jobId: string, part: string, shards: number): void {
    const progress = jobs.get(jobId) ?? { parts: new Set(), lastSaidMs: 0 };
    jobs.set(jobId, progress);
    progress.parts.add(part);
    if (now() - progress.lastSaidMs < pauseMs) return;
    progress.lastSaidMs = now();
    say(`job ${jobId}: ${progress.parts.size} of ${shards} part${shards === 1 ? '' : 's'} written`);
  }

  return (key, bucket) => {
    const [, jobId = '', rest = ''] = jobKeyPattern.exec(key) ?? [];
    const [, shards] = /^output\/part-\d+-of-(\d+)\./.exec(rest) ?? [];
    if (rest === 'job.json') say(`job ${jobId}: accepted`);
    else if (shards !== undefined) onPart(jobId, rest, Number(shards));
    else if (rest.startsWith('errors/'))
      say(`job ${jobId}: some records failed, see s3://${bucket}/${key}`);
    else if (rest.startsWith('state/failed/'))
      say(`job ${jobId}: a shard was given up, see s3://${bucket}/${key}`);
    else if (rest === 'state/control.json')
      say(`job ${jobId}: was stopped, see s3://${bucket}/${key}`);
    else if (rest === 'manifest.json') {
      jobs.delete(jobId);
      say(`job ${jobId}: complete, see s3://${bucket}/${jobsResultPrefix}${jobId}/`);
    }
  };
}

const jobKeyPattern = new RegExp(`^${jobsResultPrefix}([^/]+)/(.+)$`);
