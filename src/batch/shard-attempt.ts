import { crc32 } from 'node:zlib';
import type { JobKeys } from '../contract/job-keys.ts';
import { ServingError, toServingError } from '../errors.ts';
import type { ModelLease } from '../models/provider.ts';
import {
  decideJobCalibration,
  measureRowsPerRun,
  readJobCalibration,
  writeCalibration,
} from './calibration.ts';
import { readSegments, type Segment, type SegmentContent, writeSegment } from './checkpoint.ts';
import { readStop } from './control.ts';
import { type Decision, decide } from './decision.ts';
import { layoutOf } from './engine/column-encoder.ts';
import { ModelEngine } from './engine/engine.ts';
import { idOf } from './engine/requests.ts';
import { encodeErrorLine } from './error-lines.ts';
import type { AttemptNotes, Findings } from './investigation.ts';
import { windowLimit } from './investigation.ts';
import type { Job } from './job.ts';
import type { Piece, StoredPiece } from './object-store.ts';
import { formatCrc32, OutputBuffer } from './output-buffer.ts';
import type { TransformContext } from './ports.ts';
import {
  type Position,
  positionBehind,
  readRecords,
  type SourceRecord,
  startOf,
} from './records.ts';
import { type Runnable, runTogether } from './run-together.ts';
import type { ShardDelivery, ShardSource } from './shard.ts';
import { encodeTablePart } from './table-part.ts';
import { readWindows, type WindowOptions } from './windows.ts';

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
  readonly #engine: ModelEngine;
  /** The longest that a window took so far. */
  #windowMs = 0;
  #stopCheckedMs: number;

  constructor(options: ShardAttemptOptions) {
    this.#options = options;
    const { context, job, lease, delivery } = options;
    this.#engine = new ModelEngine(context, job, lease, delivery.message.shard.source);
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
    const { context, findings, notes } = this.#options;
    const stretch = new Stretch(context.nowMs(), segments.at(-1), startOf(this.#source));
    if (segments.length === 0) this.#writeHeader(stretch);
    const windows = this.#readWindows(stretch.to, {
      records: windowRuns * rowsPerRun,
      firstRecord: stretch.to.records,
      limit: (record) => windowLimit(findings, record),
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

  get #source(): ShardSource {
    return this.#options.delivery.message.shard.source;
  }

  #readWindows(from: Position, options: WindowOptions) {
    const { context, job } = this.#options;
    return readWindows(readRecords(context, this.#source, from, job.format), options);
  }

  /** Names of columns: once in parts that are put together, and otherwise in each. */
  #writeHeader(stretch: Stretch): void {
    const { job, delivery } = this.#options;
    const { header } = this.#engine.encoder;
    if (header === undefined || (job.output.merge && delivery.message.shard.index > 0)) return;
    stretch.output.append(Buffer.from(`${header}\n`));
  }

  async #runWindow(
    stretch: Stretch,
    window: readonly SourceRecord[],
    rowsPerRun: number,
  ): Promise<void> {
    const { context, findings } = this.#options;
    const first = stretch.to.records;
    const startMs = context.monotonicMs();
    const healthy = window.filter((_, index) => !findings.poison.has(first + index));
    const outcomes = (await this.#engine.transform(healthy, rowsPerRun)).values();
    stretch.runMs += context.monotonicMs() - startMs;
    let lines = '';
    let errorLines = '';
    for (const [index, record] of window.entries()) {
      const outcome = findings.poison.has(first + index)
        ? { error: poisonError, id: idOf(record) }
        : (outcomes.next().value ?? { error: toServingError(undefined) });
      if ('line' in outcome) {
        lines += `${outcome.line}\n`;
      } else {
        errorLines += encodeErrorLine(this.#source, record, outcome);
        stretch.failed += 1;
      }
    }
    stretch.output.append(Buffer.from(lines));
    stretch.errors.append(Buffer.from(errorLines));
    const last = window.at(-1);
    if (last !== undefined) stretch.to = positionBehind(last, first + window.length);
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
    const output = await this.#finishOutput(segments, last);
    const errors = piecesOf(segments, ({ errors: kept }) => kept, last.errors);
    const sum = (figure: (segment: Pick<Segment, 'failed' | 'workMs' | 'runMs'>) => number) =>
      [...segments, last].reduce((total, segment) => total + figure(segment), 0);
    const figures = {
      records: last.to.records,
      failed: sum(({ failed }) => failed),
      numbers,
      outputBytes: bytesOf(output.pieces),
      outputCrc32: formatCrc32(output.crc32),
      errorsBytes: bytesOf(errors),
      workMs: sum(({ workMs }) => workMs),
      runMs: sum(({ runMs }) => runMs),
    };
    return decide(
      context.results,
      keys,
      job,
      delivery.message,
      { attempt: attemptId, figures },
      { output: output.pieces, errors },
    );
  }

  /** The part as it is stored: the lines as they are, or a table made of them. */
  async #finishOutput(segments: readonly Segment[], last: SegmentContent) {
    const { context, job, lease } = this.#options;
    const pieces = piecesOf(segments, ({ output }) => output, last.output);
    if (job.output.format !== 'parquet') return { pieces, crc32: last.outputCrc32 };
    const lines: Uint8Array[] = [];
    for (const piece of pieces) {
      const stored = !(piece instanceof Uint8Array);
      lines.push(stored ? await context.results.read(piece, 0, piece.sizeBytes) : piece);
    }
    const hasTask = context.predictorOf(lease.session) !== undefined;
    const { columns } = layoutOf(job, lease, this.#source, hasTask);
    const table = await encodeTablePart(context.tables, columns, Buffer.concat(lines));
    return { pieces: [table], crc32: crc32(table) };
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
    const { session } = this.#options.lease;
    const windows = this.#readWindows(startOf(this.#source), {
      records: sampleRecords,
      firstRecord: 0,
      limit: () => sampleRecords,
    });
    const first = await windows.next();
    await windows.return(0);
    const records = first.done === true ? [] : first.value;
    const decoded = await this.#engine.sample(records);
    const outcomes = await runTogether(session, decoded, { rowsPerRun: 1 });
    const sample = decoded.filter((_, index) => !(outcomes[index] instanceof ServingError));
    return { records: records.length, sample };
  }
}

const poisonError = new ServingError(
  'INTERNAL',
  'whenever this record was run, the process crashed, ran out of time or failed',
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
  close(nowMs: number): SegmentContent {
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

/** What segments keep, and behind it what is in memory. */
function piecesOf(
  segments: readonly Segment[],
  kept: (segment: Segment) => StoredPiece | undefined,
  tail: Uint8Array,
): Piece[] {
  return [...segments.flatMap((segment) => kept(segment) ?? []), tail];
}

function bytesOf(pieces: readonly Piece[]): number {
  return pieces.reduce(
    (sum, piece) => sum + (piece instanceof Uint8Array ? piece.byteLength : piece.sizeBytes),
    0,
  );
}
