import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';

export type SqsFailureLog = (record: SQSRecord, thrown: unknown) => void;

/**
 * Works on each message of an invocation by itself, one after the other: one that fails is reported, and its
 * neighbours are not. What is not reported is deleted from the queue.
 */
export async function handleEach(
  event: SQSEvent,
  work: (record: SQSRecord) => Promise<void>,
  onFailure: SqsFailureLog,
): Promise<SQSBatchResponse> {
  const batchItemFailures: { itemIdentifier: string }[] = [];
  for (const record of event.Records) {
    try {
      await work(record);
    } catch (thrown) {
      onFailure(record, thrown);
      batchItemFailures.push({ itemIdentifier: record.messageId });
    }
  }
  return { batchItemFailures };
}

/** How often a message has been delivered, this time included. */
export function receiveCountOf(record: SQSRecord): number {
  return Number(record.attributes.ApproximateReceiveCount) || 1;
}
