/**
 * A process that stands for an execution environment of each function: takes messages off both queues, gives them
 * to the handlers as Lambda's event source mapping does, and deletes what they do not report. Everything it knows
 * comes from its environment variables.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  DeleteMessageCommand,
  type Message,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { toEventRecord } from '../../local/event-source/event.ts';
import { environmentVariables, requireVariable } from '../../src/contract/environment.ts';
import { createPlanHandler } from '../../src/edge/plan/handler.ts';
import { createTransformHandler } from '../../src/edge/transform/handler.ts';

type Handler = (event: SQSEvent, context: Context) => Promise<SQSBatchResponse>;

const timeoutMs = Number(process.env['WORKER_TIMEOUT_MS'] ?? 60_000);
const sqs = new SQSClient({ maxAttempts: 10 });

async function poll(queueUrl: string, handler: Handler): Promise<never> {
  for (;;) {
    try {
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({
          QueueUrl: queueUrl,
          MaxNumberOfMessages: 1,
          WaitTimeSeconds: 1,
          MessageSystemAttributeNames: ['All'],
        }),
      );
      for (const message of Messages) await invoke(queueUrl, handler, message);
    } catch (thrown) {
      console.error(String(thrown));
      await sleep(50);
    }
  }
}

/** Tells when an invocation begins and ends, so that whoever started this process can end it in between. */
async function invoke(queueUrl: string, handler: Handler, message: Message): Promise<void> {
  const { record } = toEventRecord(
    message,
    'arn:aws:sqs:us-east-1:000000000000:queue',
    'us-east-1',
  );
  const deadline = Date.now() + timeoutMs;
  const context = { getRemainingTimeInMillis: () => deadline - Date.now() } as Context;
  console.log('begin');
  const { batchItemFailures } = await handler({ Records: [record] }, context);
  console.log('end');
  if (batchItemFailures.length > 0) return;
  await sqs.send(
    new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle: message.ReceiptHandle }),
  );
}

const plan = createPlanHandler(process.env);
const transform = await createTransformHandler(process.env);
await Promise.all([
  poll(requireVariable(process.env, environmentVariables.planQueueUrl), plan),
  poll(requireVariable(process.env, environmentVariables.shardQueueUrl), transform),
]);
