import type { JobKeys } from '../contract/job-keys.ts';
import { ServingError, toServingError } from '../errors.ts';
import type { ModelLease } from '../models/provider.ts';
import {
  decideJobCalibration,
  measureRowsPerRun,
  readJobCalibration,
  writeCalibration,
} from './calibration.ts';
import { readSegments, type Segment, writeSegment } from './checkpoint.ts';
import { readStop } from './control.ts';
import { type Decision, decide } from './decision.ts';
import { createDecoder, type RecordDecoder } from './decode.ts';
import { encodeErrorLine, encodeResponseLine, idOf } from './encode.ts';
import type { AttemptNotes, Findings } from './investigation.ts';
import { windowLimit } from './investigation.ts';
import type { Job } from './job.ts';
import type { Piece } from './object-store.ts';
import { formatCrc32, OutputBuffer } from './output-buffer.ts';
import type { TransformContext } from './ports.ts';
import { type Position, positionBehind, readRecords, startOf } from './records.ts';
import { type Runnable, runTogether } from './run-together.ts';
import type { ShardDelivery } from './shard.ts';
import { readWindows, type WindowEntry } from './windows.ts';

const stopCheckMs = 5_000;
/** Records by which rows per run are measured. */
const sampleRecords = 32;
/** Micro-batches of one window: enough that records of different shapes find others of their own. */
const windowRuns = 4;

export interface ShardAttemptOptions {
  readonly context: TransformContext;
  readonly keys: JobKeys;
  readonly job: Job;
  readonly delivery: ShardDelivery;
  readonly findings: Findings;
  readonly lease: ModelLease;
  readonly attemptId: string;
  /** Given when an attempt went before: then this one writes down what it does. */
  readonly notes: AttemptNotes | undefined;
}

/** What a pass ended with, before the shard's end. */
type PassOutcome = Decision | 'continued' | 'stopped' | 'superseded';

/** One attempt at a shard, by one process. */
export class ShardAttempt {
  readonly #options: ShardAttemptOptions;
  readonly #decode: RecordDecoder;
  /** The longest that a window took so far. */
  #windowMs = 0;
  #stopCheckedMs: number;

  constructor(options: ShardAttemptOptions) {
    this.#options = options;
    this.#decode = createDecoder(options.job, options.lease.session);
    this.#stopCheckedMs = options.context.nowMs();
  }

  async run(): Promise<Decision | 'continued' | 'stopped'> {
    const rowsPerRun = await this.#rowsPerRun();
    // A first attempt has nothing to go on from.
    let segments = this.#options.notes === undefined ? [] : await this.#readSegments();
    for (;;) {
      const outcome = await this.#pass(segments, rowsPerRun);
      if (outcome !== 'superseded') return outcome;
      segments = await this.#readSegments();
    }
  }

  #readSegments(): Promise<Segment[]> {
    const { context, keys, delivery } = this.#options;
    return readSegments(context.results, keys, delivery.message.shard.index);
  }

  /** From the last segment to the end of the shard. */
  async #pass(segments: Segment[], rowsPerRun: number): Promise<PassOutcome> {
    const { context, delivery, findings, notes } = this.#options;
    const { source } = delivery.message.shard;
    const stretch = new Stretch(context.nowMs(), segments.at(-1), startOf(source));
    const windows = readWindows(readRecords(context.input, source, stretch.to), this.#decode, {
      rows: windowRuns * rowsPerRun,
      firstRecord: stretch.to.records,
      limit: (record) => windowLimit(findings, record),
      refused: (record) => (findings.poison.has(record) ? poisonError : undefined),
    });
    try {
      for (;;) {
        const next = await windows.next();
        if (next.done === true) return await this.#decide(segments, stretch, next.value);
        const window = next.value;
        const { records } = stretch.to;
        await notes?.running(records, records + window.length);
        await this.#runWindow(stretch, window, rowsPerRun);
        if (await this.#isStopped()) return 'stopped';
        const late = this.#isLate();
        if (late || stretch.bytes >= context.limits.segmentBytes) {
          const kept = await this.#keep(stretch);
          if (!kept.written) return 'superseded';
          segments.push(kept.segment);
        }
        if (late) return await this.#handOver();
      }
    } finally {
      await windows.return(0);
    }
  }

  async #runWindow(
    stretch: Stretch,
    window: readonly WindowEntry[],
    rowsPerRun: number,
  ): Promise<void> {
    const { context, lease, delivery } = this.#options;
    const { source } = delivery.message.shard;
    const startMs = context.monotonicMs();
    const runnable = window.flatMap(({ decoded }) => ('inputs' in decoded ? decoded : []));
    const outcomes = await runTogether(lease.session, runnable, { rowsPerRun });
    stretch.runMs += context.monotonicMs() - startMs;
    let lines = '';
    let errorLines = '';
    let next = 0;
    for (const { record, decoded } of window) {
      const failure = (error: ServingError) => {
        const id = 'inputs' in decoded ? decoded.id : idOf(record);
        errorLines += encodeErrorLine(source, record, id, error);
        stretch.failed += 1;
      };
      if (!('inputs' in decoded)) {
        failure(decoded);
        continue;
      }
      const outcome = outcomes[next++];
      if (outcome === undefined || outcome instanceof ServingError) {
        failure(outcome ?? new ServingError('INTERNAL', 'internal error'));
        continue;
      }
      try {
        lines += encodeResponseLine(lease, decoded, outcome);
      } catch (thrown) {
        failure(toServingError(thrown));
      }
    }
    stretch.output.append(Buffer.from(lines));
    stretch.errors.append(Buffer.from(errorLines));
    const last = window.at(-1);
    if (last !== undefined) {
      stretch.to = positionBehind(last.record, stretch.to.records + window.length);
    }
    this.#windowMs = Math.max(this.#windowMs, context.monotonicMs() - startMs);
  }

  async #isStopped(): Promise<boolean> {
    const { context, keys } = this.#options;
    if (context.nowMs() - this.#stopCheckedMs < stopCheckMs) return false;
    this.#stopCheckedMs = context.nowMs();
    return (await readStop(context.results, keys)) !== undefined;
  }

  #isLate(): boolean {
    const { context, delivery } = this.#options;
    return context.nowMs() + context.limits.handOverMs + 2 * this.#windowMs >= delivery.deadlineMs;
  }

  async #keep(stretch: Stretch): Promise<{ segment: Segment; written: boolean }> {
    const { context, keys, delivery, attemptId } = this.#options;
    const content = stretch.close(context.nowMs());
    return writeSegment(context.results, keys, delivery.message.shard.index, attemptId, content);
  }

  async #handOver(): Promise<'continued'> {
    const { context, delivery } = this.#options;
    const { message } = delivery;
    await context.shards.send([{ ...message, continued: message.continued + 1 }]);
    context.log.info('shard handed over', { jobId: message.jobId, shard: message.shard.index });
    return 'continued';
  }

  async #decide(
    segments: readonly Segment[],
    stretch: Stretch,
    numbers: number,
  ): Promise<Decision> {
    const { context, keys, job, delivery, attemptId } = this.#options;
    const last = stretch.close(context.nowMs());
    const all = [...segments, { ...last, output: undefined, errors: undefined }];
    const sum = (figure: (segment: Segment) => number) =>
      all.reduce((total, segment) => total + figure(segment), 0);
    const figures = {
      records: last.to.records,
      failed: sum(({ failed }) => failed),
      numbers,
      outputBytes: sum(({ output }) => output?.sizeBytes ?? 0) + last.output.byteLength,
      outputCrc32: formatCrc32(last.outputCrc32),
      errorsBytes: sum(({ errors }) => errors?.sizeBytes ?? 0) + last.errors.byteLength,
      workMs: sum(({ workMs }) => workMs),
      runMs: sum(({ runMs }) => runMs),
    };
    const pieces = (kept: (segment: Segment) => Piece | undefined, tail: Uint8Array): Piece[] => [
      ...segments.flatMap((segment) => kept(segment) ?? []),
      tail,
    ];
    return decide(
      context.results,
      keys,
      job,
      delivery.message,
      { attempt: attemptId, figures },
      {
        output: pieces(({ output }) => output, last.output),
        errors: pieces(({ errors }) => errors, last.errors),
      },
    );
  }

  /** Rows of one run: the job's, or measured now for all of its shards, within the model's own limit. */
  async #rowsPerRun(): Promise<number> {
    const { maxBatchSize } = this.#options.lease.configuration;
    return Math.min(await this.#measuredRows(maxBatchSize), maxBatchSize);
  }

  async #measuredRows(maximumRows: number): Promise<number> {
    const { context, keys, job, lease, notes } = this.#options;
    if (job.rowsPerRun !== undefined) return job.rowsPerRun;
    const decided = await readJobCalibration(context.results, keys);
    if (decided !== undefined) return decided.rowsPerRun;
    // After a death nothing is run that no note tells of; and what is not verified is not stacked.
    if (notes !== undefined) return 1;
    const { records, sample } = await this.#readSample();
    const startMs = context.monotonicMs();
    const measured = await measureRowsPerRun(
      lease.session,
      sample,
      maximumRows,
      context.monotonicMs,
    );
    context.log.info('micro-batch measured', {
      jobId: job.jobId,
      rowsPerRun: measured ?? 1,
      records,
      ms: context.monotonicMs() - startMs,
    });
    if (measured === undefined) return 1;
    const calibration = { rowsPerRun: measured };
    await writeCalibration(context.results, lease.pinned, calibration);
    return (await decideJobCalibration(context.results, keys, calibration)).rowsPerRun;
  }

  /** The first records of the shard that the model accepts. */
  async #readSample(): Promise<{ records: number; sample: Runnable[] }> {
    const { context, delivery, lease } = this.#options;
    const { source } = delivery.message.shard;
    const windows = readWindows(readRecords(context.input, source, startOf(source)), this.#decode, {
      rows: Number.POSITIVE_INFINITY,
      firstRecord: 0,
      limit: () => sampleRecords,
      refused: () => undefined,
    });
    const first = await windows.next();
    await windows.return(0);
    const window = first.done === true ? [] : first.value;
    const decoded = window.flatMap((entry) => ('inputs' in entry.decoded ? entry.decoded : []));
    const outcomes = await runTogether(lease.session, decoded, { rowsPerRun: 1 });
    const sample = decoded.filter((_, index) => !(outcomes[index] instanceof ServingError));
    return { records: window.length, sample };
  }
}

const poisonError = new ServingError(
  'INTERNAL',
  'the process ended whenever this record was run: it crashed or ran out of time',
);

/** Predictions and failed records since the last segment. */
class Stretch {
  readonly output: OutputBuffer;
  readonly errors = new OutputBuffer();
  to: Position;
  failed = 0;
  runMs = 0;
  #from: Position;
  #startedMs: number;

  constructor(nowMs: number, last: Segment | undefined, start: Position) {
    this.output = new OutputBuffer(last?.outputCrc32 ?? 0);
    this.#from = last?.to ?? start;
    this.to = this.#from;
    this.#startedMs = nowMs;
  }

  get bytes(): number {
    return this.output.bytes + this.errors.bytes;
  }

  /** Everything so far; what comes next is a new stretch. */
  close(nowMs: number) {
    const content = {
      from: this.#from,
      to: this.to,
      failed: this.failed,
      outputCrc32: this.output.crc32,
      output: this.output.take(),
      errors: this.errors.take(),
      runMs: this.runMs,
      workMs: nowMs - this.#startedMs,
    };
    this.#from = this.to;
    this.#startedMs = nowMs;
    this.failed = 0;
    this.runMs = 0;
    return content;
  }
}
