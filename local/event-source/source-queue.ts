import { setTimeout as delay } from 'node:timers/promises';
import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { sqsBatchEntries } from '../../src/contract/limits.ts';
import { laptopRegion } from '../template/names.ts';

/** Tries of a delete or a return before a message is left to its visibility timeout. */
const attempts = 5;

/** The queue that a mapping polls, over the wire and with the SDK, as Lambda's own pollers do. */
export class SourceQueue {
  readonly #client: SQSClient;
  readonly #queueUrl: string;

  constructor(queueUrl: string) {
    this.#queueUrl = queueUrl;
    this.#client = new SQSClient({
      endpoint: new URL(queueUrl).origin,
      region: laptopRegion,
      credentials: { accessKeyId: 'laptop', secretAccessKey: 'laptop' },
    });
  }

  /** @throws what the SDK throws */
  async visibilityTimeoutMs(): Promise<number> {
    const { Attributes } = await this.#client.send(
      new GetQueueAttributesCommand({
        QueueUrl: this.#queueUrl,
        AttributeNames: ['VisibilityTimeout'],
      }),
    );
    return Number(Attributes?.VisibilityTimeout ?? 30) * 1000;
  }

  /** Up to ten messages, or none after the wait. @throws what the SDK throws, also when aborted */
  async receive(
    maxMessages: number,
    waitSeconds: number,
    signal: AbortSignal,
  ): Promise<readonly Message[]> {
    const { Messages = [] } = await this.#client.send(
      new ReceiveMessageCommand({
        QueueUrl: this.#queueUrl,
        MaxNumberOfMessages: Math.min(sqsBatchEntries, maxMessages),
        WaitTimeSeconds: waitSeconds,
        MessageSystemAttributeNames: ['All'],
        MessageAttributeNames: ['All'],
      }),
      { abortSignal: signal },
    );
    return Messages;
  }

  /** Deletes messages; gives how many could not be, and will be received again. */
  async delete(receiptHandles: readonly string[]): Promise<number> {
    return await inBatches(receiptHandles, async (entries) => {
      const { Failed = [] } = await this.#client.send(
        new DeleteMessageBatchCommand({ QueueUrl: this.#queueUrl, Entries: entries }),
      );
      return Failed;
    });
  }

  /** Makes messages visible again after that time; gives how many could not be. */
  async makeVisible(receiptHandles: readonly string[], afterSeconds: number): Promise<number> {
    return await inBatches(receiptHandles, async (entries) => {
      const { Failed = [] } = await this.#client.send(
        new ChangeMessageVisibilityBatchCommand({
          QueueUrl: this.#queueUrl,
          Entries: entries.map((entry) => ({ ...entry, VisibilityTimeout: afterSeconds })),
        }),
      );
      return Failed;
    });
  }

  close(): void {
    this.#client.destroy();
  }
}

interface BatchEntry {
  readonly Id: string;
  readonly ReceiptHandle: string;
}

interface FailedEntry {
  readonly Id?: string | undefined;
  readonly SenderFault?: boolean | undefined;
}

/** Calls `send` for ten entries at a time, and again for the entries that the service failed. */
async function inBatches(
  receiptHandles: readonly string[],
  send: (entries: BatchEntry[]) => Promise<readonly FailedEntry[]>,
): Promise<number> {
  let given = 0;
  for (let start = 0; start < receiptHandles.length; start += sqsBatchEntries) {
    let entries = receiptHandles
      .slice(start, start + sqsBatchEntries)
      .map((ReceiptHandle, index) => ({ Id: String(index), ReceiptHandle }));
    for (let attempt = 0; entries.length > 0 && attempt < attempts; attempt += 1) {
      if (attempt > 0) await delay(50 * 2 ** attempt);
      entries = await leftOver(entries, send);
    }
    given += entries.length;
  }
  return given;
}

/** The entries that are worth another try. */
async function leftOver(
  entries: BatchEntry[],
  send: (entries: BatchEntry[]) => Promise<readonly FailedEntry[]>,
): Promise<BatchEntry[]> {
  let failed: readonly FailedEntry[];
  try {
    failed = await send(entries);
  } catch {
    return entries;
  }
  // An entry that is our own fault (its message is gone, say) fails again however often it is tried.
  const again = new Set(
    failed.filter(({ SenderFault }) => SenderFault !== true).map(({ Id }) => Id),
  );
  return entries.filter(({ Id }) => again.has(Id));
}
