import { rm } from 'node:fs/promises';
import type { SQSEvent } from 'aws-lambda';
import {
  type EventSourceMappingOptions,
  startEventSourceMapping,
} from '../../../local/event-source/mapping.ts';
import type { InvokeResult } from '../../../local/lambda/invoke-result.ts';
import { startSqs } from '../../../local/sqs/server.ts';
import { eventually, type OnTestFinished, temporaryDir } from '../sqs/harness.ts';

type Handler = (event: SQSEvent, payload: string) => Promise<InvokeResult> | InvokeResult;

/** The answer of a function that returned this. */
export const success = (answer: unknown = null): InvokeResult => ({
  kind: 'success',
  payload: JSON.stringify(answer),
});
/** The answer of a function that threw. */
export const failure: InvokeResult = { kind: 'error', payload: '{"errorType":"Error"}' };

interface Setup {
  readonly visibilityTimeoutSeconds?: number;
  readonly maxReceiveCount?: number;
  /** Sent before the mapping starts. */
  readonly bodies?: readonly string[];
  readonly mapping?: Partial<EventSourceMappingOptions>;
}

/** A real queue, a real mapping, and a function that takes down what it is called with. */
export async function start(onTestFinished: OnTestFinished, handler: Handler, setup: Setup = {}) {
  const dataDir = await temporaryDir();
  const { maxReceiveCount = 1000, visibilityTimeoutSeconds = 1 } = setup;
  const server = await startSqs({
    port: 0,
    dataDir,
    queues: [
      {
        name: 'main',
        visibilityTimeoutSeconds,
        redrive: { deadLetterQueueName: 'dead', maxReceiveCount },
      },
      { name: 'dead' },
    ],
  });
  for (const body of setup.bodies ?? []) await server.send('main', body);
  const events: SQSEvent[] = [];
  const warnings: string[] = [];
  let running = 0;
  const peak = { running: 0 };
  const mapping = await startEventSourceMapping({
    queueUrl: server.queueUrl('main'),
    queueName: 'main',
    batchSize: 10,
    batchingWindowMs: 0,
    reportsBatchItemFailures: false,
    invoke: async (payload) => {
      running += 1;
      peak.running = Math.max(peak.running, running);
      const event: SQSEvent = JSON.parse(payload);
      events.push(event);
      try {
        return await handler(event, payload);
      } finally {
        running -= 1;
      }
    },
    warn: (sentence) => warnings.push(sentence),
    ...setup.mapping,
  });
  onTestFinished(async () => {
    await mapping.stop(1000);
    await server.close();
    await rm(dataDir, { recursive: true, force: true });
  });
  const left = () => {
    const { visible, inFlight, delayed } = server.depth('main');
    return visible + inFlight + delayed;
  };
  return {
    server,
    mapping,
    events,
    warnings,
    peak,
    left,
    /** Waits until the queue is empty and the mapping has taken note of it; gives what is left. */
    async drained() {
      const count = await eventually(left, (messages) => messages === 0);
      await mapping.stop();
      return count;
    },
    bodies: () => events.flatMap(({ Records }) => Records.map(({ body }) => body)),
  };
}

/** So many bodies, each its own. */
export const numbered = (count: number) => Array.from({ length: count }, (_, n) => `message ${n}`);
