import type { Figures } from '../../batch/figures.ts';
import type { JobSummary } from '../../batch/job-list.ts';
import type { JobProgress } from '../../batch/progress.ts';
import { jobKeys } from '../../contract/job-keys.ts';

/** A job as the jobs API shows it. Keys are those of the results bucket. */
export function jobDocument(progress: JobProgress, nowMs: number) {
  const { jobId, state, reason, job, plan, done, figures, failedShards } = progress;
  const keys = jobKeys(jobId);
  return {
    id: jobId,
    state,
    reason,
    model_name: job?.model.model,
    model_version: job?.model.version,
    source: job?.source,
    created_at: job === undefined ? undefined : new Date(job.createdAtMs).toISOString(),
    shards:
      plan === undefined
        ? undefined
        : { planned: plan.shards, done: done.size, failed: failedShards.length },
    records: recordsOf(figures),
    ...(state === 'running' && job !== undefined ? paceOf(progress, nowMs - job.createdAtMs) : {}),
    failed_shards: failedShards.length === 0 ? undefined : failedShards.slice(0, 100),
    results: keys.prefix,
    manifest: state === 'completed' ? keys.manifest : undefined,
  };
}

/** A job as the list of jobs shows it: the names are those of `jobDocument`. */
export function jobSummaryDocument(summary: JobSummary) {
  const { jobId, createdAtMs, state, reason, words, shards, figures } = summary;
  const keys = jobKeys(jobId);
  return {
    id: jobId,
    state,
    reason,
    model_name: words?.model,
    model_version: words?.version,
    source: words?.source,
    created_at: new Date(createdAtMs).toISOString(),
    shards: shards === undefined ? undefined : { planned: shards },
    records: figures === undefined ? undefined : recordsOf(figures),
    results: keys.prefix,
    manifest: state === 'completed' ? keys.manifest : undefined,
  };
}

function recordsOf({ records, failed }: Figures) {
  return { done: records, succeeded: records - failed, failed };
}

/** What has been done since the job was created, carried forward. */
function paceOf({ plan, done, figures }: JobProgress, elapsedMs: number) {
  if (plan === undefined || done.size === 0 || elapsedMs <= 0) return {};
  const left = plan.shards - done.size;
  return {
    records_per_second: Math.round((figures.records / elapsedMs) * 1_000 * 10) / 10,
    seconds_left: Math.ceil((elapsedMs / 1_000) * (left / done.size)),
  };
}
