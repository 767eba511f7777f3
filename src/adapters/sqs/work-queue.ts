import { setTimeout as sleep } from 'node:timers/promises';
import {
  ChangeMessageVisibilityCommand,
  SendMessageBatchCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { sqsBatchEntries, sqsMessageBytes } from '../../contract/limits.ts';
import { ServingError } from '../../errors.ts';

const attempts = 6;
const firstPauseMs = 50;
/** Calls under way at a time. */
const parallelCalls = 8;

/** A queue whose messages are JSON documents. */
export class SqsWorkQueue<Message> {
  readonly #client: SQSClient;
  readonly #queueUrl: string;

  constructor(client: SQSClient, queueUrl: string) {
    this.#client = client;
    this.#queueUrl = queueUrl;
  }

  /**
   * Sends messages, as many a call as SQS takes, and those that it refuses again.
   *
   * @throws ServingError UNAVAILABLE when some are not sent; others may have been
   */
  async send(messages: readonly Message[]): Promise<void> {
    const batches = batchesOf(messages.map((message) => JSON.stringify(message))).values();
    const worker = async () => {
      for (const bodies of batches) await this.#sendBatch(bodies);
    };
    await Promise.all(Array.from({ length: parallelCalls }, worker));
  }

  async #sendBatch(bodies: readonly string[]): Promise<void> {
    let left = bodies;
    for (let attempt = 1; ; attempt++) {
      left = await this.#trySend(left);
      if (left.length === 0) return;
      if (attempt >= attempts) {
        throw new ServingError('UNAVAILABLE', `${left.length} messages could not be sent`);
      }
      await sleep(firstPauseMs * 2 ** (attempt - 1));
    }
  }

  /** What was not sent. */
  async #trySend(bodies: readonly string[]): Promise<readonly string[]> {
    try {
      const { Failed = [] } = await this.#client.send(
        new SendMessageBatchCommand({
          QueueUrl: this.#queueUrl,
          Entries: bodies.map((MessageBody, index) => ({ Id: String(index), MessageBody })),
        }),
      );
      return Failed.flatMap(({ Id }) => bodies[Number(Id)] ?? []);
    } catch (cause) {
      throw new ServingError('UNAVAILABLE', 'messages could not be sent', { cause });
    }
  }

  /** Keeps a message that is worked on from others for so many seconds more. Best effort. */
  async extend(receiptHandle: string, seconds: number): Promise<void> {
    await this.#client
      .send(
        new ChangeMessageVisibilityCommand({
          QueueUrl: this.#queueUrl,
          ReceiptHandle: receiptHandle,
          VisibilityTimeout: seconds,
        }),
      )
      .catch(() => undefined);
  }
}

/** At most ten entries, and together no more than one message may hold. */
function batchesOf(bodies: readonly string[]): string[][] {
  const batches: string[][] = [];
  let batch: string[] = [];
  let bytes = 0;
  for (const body of bodies) {
    const size = Buffer.byteLength(body);
    if (batch.length === sqsBatchEntries || (batch.length > 0 && bytes + size > sqsMessageBytes)) {
      batches.push(batch);
      batch = [];
      bytes = 0;
    }
    batch.push(body);
    bytes += size;
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}
