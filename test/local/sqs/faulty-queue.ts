import type { SqsFaultPlan } from '../../../local/sqs/faults.ts';
import { clientOf, type OnTestFinished, ownServer, QueueBench } from './harness.ts';

/** A server of ours with a queue `main` and these faults; gone after the test. */
export async function startWith(
  onTestFinished: OnTestFinished,
  rates?: SqsFaultPlan['rates'],
  rest: Partial<SqsFaultPlan> = {},
) {
  const own = await ownServer({ queues: [{ name: 'main', visibilityTimeoutSeconds: 1 }] });
  onTestFinished(own.dispose);
  if (rates !== undefined) own.server.setFaults({ seed: 1, rates, ...rest });
  /** Does not try again, so that a test sees each fault. */
  const impatient = clientOf(own.server.url, { maxAttempts: 1 });
  onTestFinished(async () => impatient.destroy());
  const url = own.server.queueUrl('main');
  return { ...own, impatient, url, bench: new QueueBench(own.client) };
}
