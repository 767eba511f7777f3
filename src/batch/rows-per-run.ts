import type { JobKeys } from '../contract/job-keys.ts';
import { ServingError } from '../errors.ts';
import { maxBatchSizeOf } from '../models/configuration.ts';
import type { ModelLease } from '../models/provider.ts';
import {
  decideJobCalibration,
  measureRowsPerRun,
  readJobCalibration,
  writeCalibration,
} from './calibration.ts';
import type { Engine } from './engine/engine.ts';
import type { Job } from './job.ts';
import type { TransformContext } from './ports.ts';
import { readRecords, startOf } from './records.ts';
import { type Runnable, runTogether } from './run-together.ts';
import type { ShardSource } from './shard.ts';
import { expandRows } from './source-record.ts';
import { readWindows } from './windows.ts';

/** Records by which rows per run are measured. */
const sampleRecords = 32;

export interface RowsPerRunOptions {
  readonly context: TransformContext;
  readonly keys: JobKeys;
  readonly job: Job;
  readonly lease: ModelLease;
  readonly source: ShardSource;
  readonly engine: Engine;
  /** Whether the model may be run to find out. */
  readonly mayMeasure: boolean;
}

/** Rows of one run: the job's, or measured now for all of its shards; within the model's own limit. */
export async function decideRowsPerRun(options: RowsPerRunOptions): Promise<number> {
  const maxBatchSize = maxBatchSizeOf(options.lease.configuration, 'jobs');
  const { rowsPerRun = await measuredRows(options, maxBatchSize) } = options.job;
  return Math.min(rowsPerRun, maxBatchSize);
}

async function measuredRows(options: RowsPerRunOptions, maximumRows: number): Promise<number> {
  const { context, keys, job, lease } = options;
  const decided = await readJobCalibration(context.results, keys);
  if (decided !== undefined) return decided.rowsPerRun;
  // What is not verified is not stacked.
  if (!options.mayMeasure) return 1;
  const startMs = context.monotonicMs();
  const sample = await readSample(options);
  const { session, pinned } = lease;
  const measured = await measureRowsPerRun(session, sample, maximumRows, context.monotonicMs);
  const ms = context.monotonicMs() - startMs;
  context.log.info('micro-batch measured', { jobId: job.jobId, rowsPerRun: measured ?? 1, ms });
  if (measured === undefined) return 1;
  const calibration = { rowsPerRun: measured };
  await writeCalibration(context.results, pinned, calibration);
  return (await decideJobCalibration(context.results, keys, calibration)).rowsPerRun;
}

/** The first records of the shard that the model accepts. */
async function readSample({
  context,
  job,
  lease,
  source,
  engine,
}: RowsPerRunOptions): Promise<Runnable[]> {
  const reader = readRecords(context, source, startOf(source), job.format);
  const options = {
    rowsPerRun: 1,
    full: { records: sampleRecords, enoughBytes: Number.POSITIVE_INFINITY },
    firstRecord: 0,
    limit: () => sampleRecords,
  };
  const windows = readWindows(reader, options);
  const first = await windows.next();
  await windows.return(0);
  const records = first.done === true ? [] : first.value.flatMap(expandRows);
  const decoded = await engine.sample(records);
  const outcomes = await runTogether(lease.session, decoded, { rowsPerRun: 1 });
  return decoded.filter((_, index) => !(outcomes[index] instanceof ServingError));
}
