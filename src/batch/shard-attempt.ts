import type { JobKeys } from '../contract/job-keys.ts';
import { ServingError, toServingError } from '../errors.ts';
import { readSegments, type Segment, writeSegment } from './checkpoint.ts';
import { readStop } from './control.ts';
import { type Decision, decide } from './decision.ts';
import { ModelEngine } from './engine/engine.ts';
import { idOf } from './engine/requests.ts';
import type { AttemptNotes, Findings } from './investigation.ts';
import { windowLimit } from './investigation.ts';
import type { Job } from './job.ts';
import type { JobModel } from './job-model.ts';
import { formatCrc32 } from './output-buffer.ts';
import type { TransformContext } from './ports.ts';
import { readRecords, startOf } from './records.ts';
import { decideRowsPerRun } from './rows-per-run.ts';
import type { ShardDelivery, ShardSource } from './shard.ts';
import { bytesOf, finishOutput, piecesOf } from './shard-output.ts';
import { ShardUpload } from './shard-upload.ts';
import { expandRows, type Position, positionBehind, type SourceRecord } from './source-record.ts';
import { Stretch } from './stretch.ts';
import { readWindows, recordsPerWindow, type WindowOptions } from './windows.ts';

const stopCheckMs = 5_000;
/** Windows after which an attempt that looks for a deadly record keeps what it has: it may be the next one to die. */
const carefulWindows = 16;
export interface ShardAttemptOptions {
  readonly context: TransformContext;
  readonly keys: JobKeys;
  readonly job: Job;
  readonly delivery: ShardDelivery;
  readonly findings: Findings;
  readonly model: JobModel;
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
    const { context, job, model, delivery } = options;
    this.#engine = new ModelEngine(context, job, model, delivery.message.shard.source);
    this.#stopCheckedMs = options.context.nowMs();
  }

  async run(): Promise<Decision | 'continued' | 'stopped'> {
    const { context, keys, job, model, notes, delivery } = this.#options;
    const rowsPerRun = await decideRowsPerRun({
      context,
      keys,
      job,
      lease: model.lease,
      source: delivery.message.shard.source,
      engine: this.#engine,
      // After a death nothing is run that no note tells of.
      mayMeasure: notes === undefined,
    });
    // A first attempt has nothing to go on from.
    let segments = notes === undefined ? [] : await this.#readSegments();
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
      rowsPerRun,
      full: this.#engine.fullWindow(rowsPerRun),
      firstRecord: stretch.to.records,
      limit: (record) => windowLimit(findings, record),
    });
    const upload = this.#mayUpload(segments) ? new ShardUpload(this.#options) : undefined;
    let windowsSinceKept = 0;
    try {
      for (;;) {
        const next = await windows.next();
        if (next.done === true) return await this.#decide(segments, stretch, next.value, upload);
        // A careful attempt has to be able to tell each record apart.
        const apart = notes !== undefined || !this.#engine.takesBlocks;
        const window = apart ? next.value.flatMap(expandRows) : next.value;
        const { records } = stretch.to;
        await notes?.running(records, records + countOf(window));
        await this.#runWindow(stretch, window, rowsPerRun);
        if (await this.#isStopped()) return 'stopped';
        const late = this.#isLate();
        if (segments.length === 0) await upload?.take(stretch);
        if (upload?.isOpen === true) {
          if (late) return await this.#handOver();
          continue;
        }
        windowsSinceKept += 1;
        const careful = findings.suspects.length > 0 && windowsSinceKept >= carefulWindows;
        if (late || careful || stretch.bytes >= context.limits.segmentBytes) {
          windowsSinceKept = 0;
          const kept = await this.#keep(stretch);
          if (!kept.written) return 'superseded';
          segments.push(kept.segment);
        }
        if (late) return await this.#handOver();
      }
    } finally {
      await windows.return(0);
      await upload?.abandon();
    }
  }

  /** After a death what is done has to be kept; a table is made of all its lines. */
  #mayUpload(segments: readonly Segment[]): boolean {
    const { job, notes } = this.#options;
    return notes === undefined && segments.length === 0 && job.output.format !== 'parquet';
  }

  get #source(): ShardSource {
    return this.#options.delivery.message.shard.source;
  }

  #readWindows(from: Position, options: WindowOptions) {
    const { context, job } = this.#options;
    const windowOf = (recordBytes: number) => recordsPerWindow(recordBytes, options);
    return readWindows(readRecords(context, this.#source, from, job.format, windowOf), options);
  }

  /** Names of columns: once in parts that are put together, and otherwise in each. */
  #writeHeader(stretch: Stretch): void {
    const { job, delivery } = this.#options;
    const { header } = this.#engine.encoder;
    if (header === undefined || (job.output.merge && delivery.message.shard.index > 0)) return;
    stretch.writeHeader(header);
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
    for (const [index, record] of window.entries()) {
      const outcome = findings.poison.has(first + index)
        ? { error: poisonError, id: idOf(record) }
        : (outcomes.next().value ?? { error: toServingError(undefined) });
      stretch.add(this.#source, record, outcome);
    }
    const last = window.at(-1);
    if (last !== undefined) stretch.to = positionBehind(last, first + countOf(window));
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
    upload: ShardUpload | undefined,
  ): Promise<Decision> {
    const { context, keys, job, delivery, attemptId } = this.#options;
    const last = stretch.close(context.nowMs());
    await upload?.output?.write(last.output);
    await upload?.errors?.write(last.errors);
    const { output, outputBytes, outputCrc32 } =
      upload?.output === undefined
        ? await finishOutput(this.#options, segments, last)
        : {
            output: upload.output,
            outputBytes: upload.output.bytes,
            outputCrc32: last.outputCrc32,
          };
    const errors = upload?.errors ?? piecesOf(segments, ({ errors: kept }) => kept, last.errors);
    const sum = (figure: (segment: Pick<Segment, 'failed' | 'workMs' | 'runMs'>) => number) =>
      [...segments, last].reduce((total, segment) => total + figure(segment), 0);
    const figures = {
      records: last.to.records,
      failed: sum(({ failed }) => failed),
      numbers,
      outputBytes,
      outputCrc32: formatCrc32(outputCrc32),
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
      { output, errors },
    );
  }
}

const poisonError = new ServingError(
  'INTERNAL',
  'whenever this record was run, the process crashed, ran out of time or failed',
);

function countOf(window: readonly SourceRecord[]): number {
  return window.reduce((sum, { count }) => sum + count, 0);
}
