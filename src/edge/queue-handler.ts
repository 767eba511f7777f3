import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import type { Telemetry } from '../adapters/telemetry/telemetry.ts';
import { observed } from './observed.ts';
import type { Recycler } from './recycler.ts';
import { handleEach } from './sqs-records.ts';

/**
 * The handler of a function that works on the messages of a queue, each by itself.
 *
 * @param failed what a message that failed is logged as
 * @param work is told when the invocation ends, in milliseconds since 1970
 */
export function queueHandler(
  telemetry: Telemetry,
  recycler: Recycler,
  failed: string,
  work: (record: SQSRecord, deadlineMs: number) => Promise<void>,
) {
  return observed<SQSEvent, SQSBatchResponse>(telemetry, recycler).handler(
    async (event, { getRemainingTimeInMillis }) => {
      const deadlineMs = Date.now() + getRemainingTimeInMillis();
      return handleEach(
        event,
        (record) => work(record, deadlineMs),
        ({ messageId }, thrown) => {
          const error = thrown instanceof Error ? thrown : new Error(String(thrown));
          telemetry.logger.error(failed, { messageId, error });
        },
      );
    },
  );
}
