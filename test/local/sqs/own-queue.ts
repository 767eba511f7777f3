import type { SqsOptions } from '../../../local/sqs/server.ts';
import { type OnTestFinished, ownServer, QueueBench } from './harness.ts';

/** A server of ours with a queue `main`, and short cuts to it; gone after the test. */
export async function start(onTestFinished: OnTestFinished, options: Partial<SqsOptions> = {}) {
  const own = await ownServer({ queues: [{ name: 'main' }], ...options });
  onTestFinished(own.dispose);
  return { ...own, url: own.server.queueUrl('main'), bench: new QueueBench(own.client) };
}

/** The same folder under a new server, as after `npm start` again. */
export async function restart(
  onTestFinished: OnTestFinished,
  own: Awaited<ReturnType<typeof start>>,
  options: Partial<SqsOptions> = {},
) {
  await own.server.close();
  return await start(onTestFinished, { ...options, dataDir: own.dataDir });
}

/** What sends messages to that queue after so many receives. */
export function redriveTo(deadLetterQueueName: string, maxReceiveCount: number) {
  return { deadLetterQueueName, maxReceiveCount };
}
