import * as v from 'valibot';
import { calibrationKey, type JobKeys } from '../contract/job-keys.ts';
import {
  countRows,
  isStackable,
  outputsAgree,
  splitTensors,
  stackingKey,
  stackTensors,
} from '../inference/stacking.ts';
import type { PinnedModel } from '../models/reference.ts';
import type { Session } from '../models/session.ts';
import { decideDocument, encodeDocument, readDocument } from './document.ts';
import type { ObjectStore } from './object-store.ts';
import { type Runnable, sizeOf } from './run-together.ts';

/** What was measured of one model version: kept for the job that measured it, and for jobs to come. */
export const calibrationSchema = v.object({
  /** Rows of one run beyond which a row gets no cheaper. */
  rowsPerRun: v.pipe(v.number(), v.integer(), v.minValue(1)),
});
export type Calibration = v.InferOutput<typeof calibrationSchema>;

/** A larger micro-batch has to save this share of a row's time to be worth its memory. */
const worthwhile = 0.05;
/** Measuring stops here: it is work that makes no predictions. */
const budgetMs = 3_000;
/** Runs of one size are measured for so long: a machine that is busy for a moment must not decide. */
const sizeMs = 20;
const maximumRunsOfSize = 8;
/** A run that takes so long is measured by itself: what disturbs it hardly matters. */
const longRunMs = 200;
/** Input bytes of a run beyond which none is measured: memory holds them several times while they are put together. */
const maximumRunBytes = 4 * 1024 * 1024;
/** Sizes after each other that are twice as slow as the best: larger ones only get worse. */
const slowSizes = 2;
/**
 * What a run costs beside the model's own time: its tensors, its way into the runtime and back, its part of a window.
 * Models that take no longer gain by more rows for that alone.
 */
const runOverheadMs = 0.03;

/**
 * Measures how many rows of one run pay, on records of the job itself, and first whether rows are independent of
 * each other at all: a model whose first dimension is not a row per record answers differently when records are
 * put together, and is then never given more than one.
 *
 * @param sample records that the model accepts
 * @param maximumRows the configuration's limit
 * @param nowMs a clock with fractions of milliseconds
 * @returns rows of one run; undefined when the sample cannot tell (all records are alike, or there is only one)
 */
export async function measureRowsPerRun(
  session: Session,
  sample: readonly Runnable[],
  maximumRows: number,
  nowMs: () => number,
): Promise<number | undefined> {
  if (maximumRows === 1 || !isStackable(session.inputs, session.outputs)) return 1;
  const [first] = sample;
  if (first === undefined) return undefined;
  const key = stackingKey(first.inputs);
  const alike = sample.filter(
    ({ inputs }) => stackingKey(inputs) === key && countRows(inputs) !== undefined,
  );
  const independent = await rowsAreIndependent(session, alike);
  return independent === true ? findBestSize(session, alike, maximumRows, nowMs) : independent;
}

/** 1 when rows answer differently together; undefined when there are no two records that differ. */
async function rowsAreIndependent(
  session: Session,
  sample: readonly Runnable[],
): Promise<true | 1 | undefined> {
  const [first, ...others] = sample;
  const second = others.find(({ inputs }) => first !== undefined && !sameData(first, { inputs }));
  if (first === undefined || second === undefined) return undefined;
  const names = session.outputs.map(({ name }) => name);
  const together = splitTensors(
    await session.run(stackTensors([first.inputs, second.inputs]), names),
    [countRows(first.inputs) ?? 0, countRows(second.inputs) ?? 0],
  );
  if (together === undefined) return 1;
  for (const [index, { inputs }] of [first, second].entries()) {
    const alone = await session.run(inputs, names);
    if (!outputsAgree(together[index] ?? [], alone)) return 1;
  }
  return true;
}

function sameData(left: Pick<Runnable, 'inputs'>, right: Pick<Runnable, 'inputs'>): boolean {
  return left.inputs.every((tensor, index) => {
    const other = right.inputs[index];
    return (
      other?.data.length === tensor.data.length &&
      tensor.data.every((value, position) => Object.is(value, other.data[position]))
    );
  });
}

async function findBestSize(
  session: Session,
  sample: readonly Runnable[],
  maximumRows: number,
  nowMs: () => number,
): Promise<number> {
  const rowsOfFirst = Math.max(1, countRows(sample[0]?.inputs ?? []) ?? 1);
  const measured: { readonly rows: number; readonly msPerRow: number }[] = [];
  const startMs = nowMs();
  let best = Number.POSITIVE_INFINITY;
  let slow = 0;
  for (let rows = rowsOfFirst; ; rows = Math.min(rows * 2, maximumRows)) {
    const records = Array.from(
      { length: Math.max(1, Math.floor(rows / rowsOfFirst)) },
      (_, index) => sample[index % sample.length],
    ).filter((record) => record !== undefined);
    const inputs = stackTensors(records.map((record) => record.inputs));
    const runMs = (await timeRun(session, inputs, nowMs)) + runOverheadMs;
    const msPerRow = runMs / Math.max(1, countRows(inputs) ?? 1);
    measured.push({ rows, msPerRow });
    best = Math.min(best, msPerRow);
    slow = msPerRow > 2 * best ? slow + 1 : 0;
    const bytes = inputs.reduce((sum, { data }) => sum + sizeOf(data), 0);
    const isLargest = rows >= maximumRows || 2 * bytes > maximumRunBytes;
    if (isLargest || slow === slowSizes || nowMs() - startMs > budgetMs) break;
  }
  const enough = measured.find(({ msPerRow }) => msPerRow <= best * (1 + worthwhile));
  return enough?.rows ?? 1;
}

/** The best of several runs: what disturbs them only ever makes them longer. */
async function timeRun(
  session: Session,
  inputs: Parameters<Session['run']>[0],
  nowMs: () => number,
): Promise<number> {
  const names = session.outputs.map(({ name }) => name);
  const firstMs = nowMs();
  let best = Number.POSITIVE_INFINITY;
  for (let turn = 1; turn <= maximumRunsOfSize; turn++) {
    const startMs = nowMs();
    await session.run(inputs, names);
    const elapsedMs = nowMs() - startMs;
    best = Math.min(best, elapsedMs);
    if (elapsedMs > longRunMs || (turn > 1 && nowMs() - firstMs > sizeMs)) break;
  }
  return best;
}

export async function readCalibration(
  results: ObjectStore,
  { model, fingerprint }: PinnedModel,
): Promise<Calibration | undefined> {
  return readDocument(results, calibrationKey(model, fingerprint), calibrationSchema);
}

/** Keeps what was measured for jobs to come; the newest measurement is as good as any. */
export async function writeCalibration(
  results: ObjectStore,
  { model, fingerprint }: PinnedModel,
  calibration: Calibration,
): Promise<void> {
  await results.put(calibrationKey(model, fingerprint), encodeDocument(calibration));
}

export async function readJobCalibration(
  results: ObjectStore,
  keys: JobKeys,
): Promise<Calibration | undefined> {
  return readDocument(results, keys.calibration, calibrationSchema);
}

/** One measurement for the whole job: the first one. All shards then cut the same micro-batches. */
export async function decideJobCalibration(
  results: ObjectStore,
  keys: JobKeys,
  calibration: Calibration,
): Promise<Calibration> {
  const { document } = await decideDocument(
    results,
    keys.calibration,
    calibrationSchema,
    calibration,
  );
  return document;
}
