import type { JobKeys } from '../contract/job-keys.ts';
import { ServingError } from '../errors.ts';
import { costOf } from './cost.ts';
import { encodeDocument } from './document.ts';
import { type Figures, sumFigures } from './figures.ts';
import { type CompleteGroup, type Part, readParts } from './groups.ts';
import type { Job } from './job.ts';
import { markCompleted } from './job-marks.ts';
import { mergeErrors } from './merge-errors.ts';
import { mergeOutput } from './merge-output.ts';
import { rememberPace } from './pace.ts';
import { type Plan, readPlan } from './plan.ts';
import type { BatchContext } from './ports.ts';

/**
 * Writes what makes a job complete, and tells those who wait. The manifest is last: when it is there, so is
 * everything that it names. It says nothing that two runs over the same input could differ in; times are in
 * `timing.json`.
 *
 * @param groups all of the job's
 */
export async function completeJob(
  context: BatchContext,
  keys: JobKeys,
  job: Job,
  groups: Iterable<CompleteGroup>,
): Promise<void> {
  const { results } = context;
  // It is written last of all: whoever comes later has nothing left to do.
  if ((await results.head(keys.notified)) !== undefined) return;
  const parts = await readParts(results, groups);
  const total = sumFigures(parts.map(({ figures }) => figures));
  if ((await results.head(keys.manifest)) === undefined) {
    const plan = await readPlan(results, keys);
    if (plan === undefined) throw new ServingError('INTERNAL', 'the plan of the job is not there');
    if (parts.length !== plan.shards) {
      throw new ServingError(
        'INTERNAL',
        `groups of the job: expected ${plan.shards} shards, got ${parts.length}`,
      );
    }
    if (total.failed > 0) await mergeErrors(results, keys, plan, parts);
    const { merge } = job.output;
    const mergedBytes = merge ? await mergeOutput(context, keys, job, parts) : undefined;
    await results.put(keys.timing, encodeDocument(timingOf(context, job, plan, parts, total)), {
      ifAbsent: true,
      contentType: 'application/json',
    });
    const manifest = encodeDocument(manifestOf(keys, job, plan, parts, total, mergedBytes));
    const options = { ifAbsent: true, contentType: 'application/json' };
    if ((await results.put(keys.manifest, manifest, options)) === 'written') {
      context.meters.jobCompleted();
    }
    await rememberPace(results, job, plan, total);
    context.log.info('job complete', {
      jobId: job.jobId,
      records: total.records,
      failed: total.failed,
    });
  }
  await announce(context, keys, job, parts.length, total);
}

function manifestOf(
  keys: JobKeys,
  job: Job,
  plan: Plan,
  parts: readonly Part[],
  total: Figures,
  mergedBytes: number | undefined,
): unknown {
  const relative = (key: string) => key.slice(keys.prefix.length);
  const { format } = job.output;
  return {
    jobId: job.jobId,
    model: job.model,
    source: job.source,
    input: { objects: plan.objects, bytes: plan.bytes },
    records: total.records,
    succeeded: total.records - total.failed,
    failed: total.failed,
    output: {
      format,
      bytes: total.outputBytes,
      ...(mergedBytes === undefined
        ? {}
        : { merged: relative(keys.mergedOutput(format)), mergedBytes }),
    },
    ...(total.failed > 0 ? { errors: relative(keys.mergedErrors) } : {}),
    parts: parts.map(({ shard, figures }) => ({
      output: relative(keys.output(shard, plan.shards, format)),
      records: figures.records,
      failed: figures.failed,
      bytes: figures.outputBytes,
      crc32: figures.outputCrc32,
    })),
    timing: relative(keys.timing),
  };
}

function timingOf(
  { nowMs, memoryMB }: BatchContext,
  job: Job,
  plan: Plan,
  parts: readonly Part[],
  total: Figures,
): unknown {
  const finishedMs = nowMs();
  return {
    createdAt: new Date(job.createdAtMs).toISOString(),
    finishedAt: new Date(finishedMs).toISOString(),
    elapsedMs: finishedMs - job.createdAtMs,
    workMs: total.workMs,
    runMs: total.runMs,
    /** US dollars, by list prices. */
    estimatedCost: costOf(plan, parts, job.output.merge, memoryMB),
  };
}

/** At least once: that it was done is written behind it. */
async function announce(
  context: BatchContext,
  keys: JobKeys,
  job: Job,
  shards: number,
  total: Figures,
): Promise<void> {
  const { results } = context;
  await markCompleted(results, job, shards, total);
  await context.events.completed({
    jobId: job.jobId,
    model: job.model.model,
    version: job.model.version,
    records: total.records,
    failed: total.failed,
    manifest: keys.manifest,
  });
  await results.put(keys.notified, '');
}
