import { setTimeout as delay } from 'node:timers/promises';
import { lambdaPayloadBytes, sqsBatchEntries } from '../../src/contract/limits.ts';
import type { InvokeResult } from '../lambda/invoke-result.ts';
import { type EventRecord, eventOf, splitBySize } from './event.ts';
import { type Gathered, Gatherer } from './gatherer.ts';
import { backoffMs, pause } from './pause.ts';
import { failedMessageIds } from './response.ts';
import { Slots } from './slots.ts';
import { SourceQueue } from './source-queue.ts';

/** An event source mapping between a queue and a function: `AWS::Lambda::EventSourceMapping`. */
export interface EventSourceMappingOptions {
  /** Where to poll, with the queue's path: `http://127.0.0.1:PORT/000000000000/NAME`. */
  readonly queueUrl: string;
  /** For the records' `eventSourceARN`. */
  readonly queueName: string;
  /** Messages of one invocation: 1 to 10,000, above ten only with a window. */
  readonly batchSize: number;
  /** How long messages are gathered once the first is there: 0 to 300,000. */
  readonly batchingWindowMs: number;
  /** Invocations at a time. @default 5, what Lambda starts with */
  readonly maximumConcurrency?: number | undefined;
  /** Whether the function's answer may name the messages that failed (`ReportBatchItemFailures`). */
  readonly reportsBatchItemFailures: boolean;
  /** Calls the function with an event as JSON text. One that rejects counts as a function error. */
  readonly invoke: (payload: string) => Promise<InvokeResult>;
  /**
   * Seconds until the messages of a failed invocation are visible again.
   * @default none: they wait for the queue's visibility timeout, as on AWS
   */
  readonly retryDelaySeconds?: number | undefined;
  /** Is told, in one sentence, of what an operator would look up in the logs. @default nobody */
  readonly warn?: (sentence: string) => void;
}

/** What a mapping has done so far. */
export interface EventSourceMappingCounts {
  /** Messages received, redelivered ones each time. */
  received: number;
  /** Calls of the function that were not throttled. */
  invocations: number;
  functionErrors: number;
  throttles: number;
  /** Messages deleted because they were done. */
  deleted: number;
  /** Messages left in the queue for another try. */
  returned: number;
}

export interface EventSourceMapping {
  readonly counts: Readonly<EventSourceMappingCounts>;
  /**
   * Stops to poll, gives back what no invocation has begun with, and waits for those that run, at most that
   * long. @param drainMs @default 30000
   */
  stop(drainMs?: number): Promise<void>;
}

/**
 * Starts to poll a queue and to call a function with what comes. A place for the invocation is taken before
 * messages are, so that none ages while it waits for its turn.
 * @throws Error with one sentence for options that AWS would refuse; what the SDK throws when the queue is not there
 */
export async function startEventSourceMapping(
  options: EventSourceMappingOptions,
): Promise<EventSourceMapping> {
  const { batchSize, batchingWindowMs } = options;
  if (batchSize > sqsBatchEntries && batchingWindowMs < 1000) {
    throw new Error(
      `A batch size of ${batchSize} needs a batching window of at least 1 second, as AWS demands above ${sqsBatchEntries}.`,
    );
  }
  const queue = new SourceQueue(options.queueUrl);
  const mapping = new Mapping(options, queue, await queue.visibilityTimeoutMs());
  const polling = mapping.poll();
  return {
    counts: mapping.counts,
    stop: async (drainMs = 30_000) => await mapping.stop(polling, drainMs),
  };
}

class Mapping {
  readonly counts: EventSourceMappingCounts = {
    received: 0,
    invocations: 0,
    functionErrors: 0,
    throttles: 0,
    deleted: 0,
    returned: 0,
  };
  readonly #options: EventSourceMappingOptions;
  readonly #queue: SourceQueue;
  readonly #visibilityTimeoutMs: number;
  readonly #gatherer: Gatherer;
  readonly #slots: Slots;
  readonly #stopping = new AbortController();
  readonly #running = new Set<Promise<void>>();
  /** Nobody waits for what is still running, and its answer changes nothing. */
  #stopped = false;

  constructor(options: EventSourceMappingOptions, queue: SourceQueue, visibilityTimeoutMs: number) {
    this.#options = options;
    this.#queue = queue;
    this.#visibilityTimeoutMs = visibilityTimeoutMs;
    this.#slots = new Slots(options.maximumConcurrency ?? 5);
    const { queueName, batchSize, batchingWindowMs } = options;
    this.#gatherer = new Gatherer({
      ...{ queue, queueName, batchSize, batchingWindowMs },
      stopping: this.#stopping.signal,
      warn: (sentence) => this.#warn(sentence),
    });
  }

  /** Gathers and invokes until the mapping stops. */
  async poll(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      await this.#slots.take();
      const { records, sinceMs } = await this.#gatherer.gather();
      this.counts.received += records.length;
      const groups = splitBySize(records, lambdaPayloadBytes);
      if (groups.length === 0) this.#slots.release();
      for (const [index, group] of groups.entries()) {
        if (index > 0) await this.#slots.take();
        this.#begin({ records: group, sinceMs });
      }
    }
  }

  async stop(polling: Promise<void>, drainMs: number): Promise<void> {
    this.#stopping.abort();
    const drained = polling.then(() => Promise.all(this.#running));
    const bound = new AbortController();
    await Promise.race([
      drained,
      delay(drainMs, undefined, { signal: bound.signal }).catch(() => undefined),
    ]);
    bound.abort();
    this.#stopped = true;
    this.#queue.close();
  }

  #begin(gathered: Gathered): void {
    const invocation = this.#process(gathered)
      .catch((error: unknown) => this.#warn(`could not finish an invocation: ${String(error)}`))
      .finally(() => {
        this.#running.delete(invocation);
        this.#slots.release();
      });
    this.#running.add(invocation);
  }

  async #process(gathered: Gathered): Promise<void> {
    const { records } = gathered;
    const result = await this.#invoke(gathered);
    if (this.#stopped) return;
    if (result === undefined) {
      await this.#giveBack(records, this.#stopping.signal.aborted ? 0 : undefined);
      return;
    }
    const kept = this.#keptBy(result, records);
    await this.#delete(records.filter((record) => !kept.has(record.record.messageId)));
    await this.#giveBack(
      records.filter((record) => kept.has(record.record.messageId)),
      this.#options.retryDelaySeconds,
    );
  }

  /**
   * Calls the function, and again after ever longer pauses while it is throttled, until the messages are
   * about to become visible to others. Source: Lambda developer guide, "Backoff strategy for failed invocations".
   * @returns undefined when the function was never reached
   */
  async #invoke({
    records,
    sinceMs,
  }: Gathered): Promise<Exclude<InvokeResult, { kind: 'throttled' }> | undefined> {
    const payload = eventOf(records);
    const untilMs = sinceMs + this.#visibilityTimeoutMs;
    for (let attempt = 1; ; attempt += 1) {
      if (this.#stopping.signal.aborted) return undefined;
      const result = await this.#options.invoke(payload).catch(toFunctionError);
      if (result.kind !== 'throttled') {
        this.counts.invocations += 1;
        return result;
      }
      this.counts.throttles += 1;
      if (Date.now() + backoffMs(attempt) >= untilMs) {
        this.#warn(`no environment was free for ${records.length} message(s), which are let go`);
        return undefined;
      }
      await pause(backoffMs(attempt), this.#stopping.signal);
    }
  }

  /** The ids of the messages that stay in the queue. */
  #keptBy(
    result: Exclude<InvokeResult, { kind: 'throttled' }>,
    records: readonly EventRecord[],
  ): ReadonlySet<string> {
    const all = new Set(records.map(({ record }) => record.messageId));
    if (result.kind === 'error') {
      this.counts.functionErrors += 1;
      this.#warn(`the function failed with ${records.length} message(s): ${result.payload}`);
      return all;
    }
    if (!this.#options.reportsBatchItemFailures) return new Set();
    const failed = failedMessageIds(result.payload, all);
    if (!('invalid' in failed)) return failed;
    this.#warn(`${failed.invalid}, so all ${records.length} message(s) are tried again`);
    return all;
  }

  async #delete(records: readonly EventRecord[]): Promise<void> {
    const left = await this.#queue.delete(records.map(({ record }) => record.receiptHandle));
    this.counts.deleted += records.length - left;
    if (left > 0) this.#warn(`could not delete ${left} message(s): they will be received again`);
  }

  /** @param afterSeconds undefined leaves the messages to the queue's visibility timeout */
  async #giveBack(
    records: readonly EventRecord[],
    afterSeconds: number | undefined,
  ): Promise<void> {
    this.counts.returned += records.length;
    if (afterSeconds === undefined) return;
    const receiptHandles = records.map(({ record }) => record.receiptHandle);
    await this.#queue.makeVisible(receiptHandles, afterSeconds);
  }

  #warn(sentence: string): void {
    this.#options.warn?.(`${this.#options.queueName}: ${sentence}`);
  }
}

/** An invoke that rejects never reached an answer, which for the messages is the same as a function error. */
function toFunctionError(error: unknown): InvokeResult {
  const errorMessage = error instanceof Error ? error.message : String(error);
  return { kind: 'error', payload: JSON.stringify({ errorType: 'InvokeFailed', errorMessage }) };
}
