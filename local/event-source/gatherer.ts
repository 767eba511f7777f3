import { lambdaPayloadBytes } from '../../src/contract/limits.ts';
import { laptopRegion, queueArn } from '../template/names.ts';
import { type EventRecord, toEventRecord } from './event.ts';
import { backoffMs, pause } from './pause.ts';
import type { SourceQueue } from './source-queue.ts';

/** Messages on their way to the function. */
export interface Gathered {
  readonly records: readonly EventRecord[];
  /** When the first of them was received: from then on the visibility timeout runs. */
  readonly sinceMs: number;
}

export interface GathererOptions {
  readonly queue: SourceQueue;
  readonly queueName: string;
  /** At most so many messages are gathered. */
  readonly batchSize: number;
  /** How long, once the first is there. */
  readonly batchingWindowMs: number;
  /** Ends the gathering with what is there. */
  readonly stopping: AbortSignal;
  readonly warn: (sentence: string) => void;
}

/** SQS: the longest poll. */
const pollSeconds = 20;

/** Brings messages together for one invocation. */
export class Gatherer {
  readonly #options: GathererOptions;
  readonly #queueArn: string;

  constructor(options: GathererOptions) {
    this.#options = options;
    this.#queueArn = queueArn(options.queueName);
  }

  /**
   * Waits for messages, then until there are enough, they fill an event or the window has passed.
   * None only when stopped, or when a poll came back empty.
   */
  async gather(): Promise<Gathered> {
    const { batchSize, batchingWindowMs, stopping } = this.#options;
    const records = [...(await this.#receive(batchSize, pollSeconds))];
    const sinceMs = Date.now();
    let bytes = sizeOf(records);
    while (records.length > 0 && records.length < batchSize && bytes < lambdaPayloadBytes) {
      const leftMs = sinceMs + batchingWindowMs - Date.now();
      if (leftMs <= 0 || stopping.aborted) break;
      const waitSeconds = Math.min(pollSeconds, Math.floor(leftMs / 1000));
      const more = await this.#receive(batchSize - records.length, waitSeconds);
      // A poll is a whole number of seconds: what is left of the window is spent in short steps.
      if (more.length === 0 && waitSeconds === 0) await pause(Math.min(leftMs, 50), stopping);
      records.push(...more);
      bytes += sizeOf(more);
    }
    return { records, sinceMs };
  }

  /** Receives, again and again after ever longer pauses while the service fails; nothing once stopped. */
  async #receive(maxMessages: number, waitSeconds: number): Promise<readonly EventRecord[]> {
    const { queue, stopping, warn } = this.#options;
    for (let attempt = 1; !stopping.aborted; attempt += 1) {
      try {
        const messages = await queue.receive(maxMessages, waitSeconds, stopping);
        return messages.map((message) => toEventRecord(message, this.#queueArn, laptopRegion));
      } catch (error) {
        if (stopping.aborted) break;
        warn(`could not receive: ${error instanceof Error ? error.message : String(error)}`);
        await pause(backoffMs(attempt), stopping);
      }
    }
    return [];
  }
}

function sizeOf(records: readonly EventRecord[]): number {
  return records.reduce((total, { json }) => total + Buffer.byteLength(json) + 1, 0);
}
