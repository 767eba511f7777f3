import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import type { SQSEvent } from 'aws-lambda';
import { describe, expect, it } from 'vitest';
import {
  type EventSourceMappingOptions,
  startEventSourceMapping,
} from '../../../local/event-source/mapping.ts';
import type { InvokeResult } from '../../../local/lambda/invoke-result.ts';
import { startSqs } from '../../../local/sqs/server.ts';
import { clientOf, eventually, type OnTestFinished, temporaryDir } from '../sqs/harness.ts';

type Handler = (event: SQSEvent, payload: string) => Promise<InvokeResult> | InvokeResult;

const success = (answer: unknown = null): InvokeResult => ({
  kind: 'success',
  payload: JSON.stringify(answer),
});
const failure: InvokeResult = { kind: 'error', payload: '{"errorType":"Error"}' };

interface Setup {
  readonly visibilityTimeoutSeconds?: number;
  readonly maxReceiveCount?: number;
  /** Sent before the mapping starts. */
  readonly bodies?: readonly string[];
  readonly mapping?: Partial<EventSourceMappingOptions>;
}

/** A real queue, a real mapping, and a function that takes down what it is called with. */
async function start(onTestFinished: OnTestFinished, handler: Handler, setup: Setup = {}) {
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

const numbered = (count: number) => Array.from({ length: count }, (_, n) => `message ${n}`);

describe.concurrent('an event source mapping', () => {
  it('calls the function with records in the form that Lambda gives them', async ({
    onTestFinished,
  }) => {
    const { server, events, drained, mapping } = await start(onTestFinished, () => success());
    const client = clientOf(server.url);
    onTestFinished(() => client.destroy());
    const sent = await client.send(
      new SendMessageCommand({
        QueueUrl: server.queueUrl('main'),
        MessageBody: 'hello',
        MessageAttributes: {
          text: { DataType: 'String', StringValue: 'a' },
          bytes: { DataType: 'Binary', BinaryValue: Uint8Array.of(1, 2, 255) },
        },
      }),
    );
    expect(await drained()).toBe(0);
    expect(events).toEqual([
      {
        Records: [
          {
            messageId: sent.MessageId,
            receiptHandle: expect.stringMatching(/./),
            body: 'hello',
            attributes: {
              ApproximateReceiveCount: '1',
              SentTimestamp: expect.stringMatching(/^\d{13}$/),
              SenderId: '000000000000',
              ApproximateFirstReceiveTimestamp: expect.stringMatching(/^\d{13}$/),
            },
            messageAttributes: {
              text: {
                stringValue: 'a',
                stringListValues: [],
                binaryListValues: [],
                dataType: 'String',
              },
              bytes: {
                binaryValue: 'AQL/',
                stringListValues: [],
                binaryListValues: [],
                dataType: 'Binary',
              },
            },
            md5OfMessageAttributes: sent.MD5OfMessageAttributes,
            md5OfBody: '5d41402abc4b2a76b9719d911017c592',
            eventSource: 'aws:sqs',
            eventSourceARN: 'arn:aws:sqs:us-east-1:000000000000:main',
            awsRegion: 'us-east-1',
          },
        ],
      },
    ]);
    expect(mapping.counts).toEqual({
      received: 1,
      invocations: 1,
      functionErrors: 0,
      throttles: 0,
      deleted: 1,
      returned: 0,
    });
  });

  it('hands over up to a batch at a time, and deletes what succeeded', async ({
    onTestFinished,
  }) => {
    const { events, drained, bodies } = await start(onTestFinished, () => success(), {
      bodies: numbered(25),
      mapping: { batchSize: 10 },
    });
    expect(await drained()).toBe(0);
    expect(events.map(({ Records }) => Records.length)).toEqual([10, 10, 5]);
    expect(bodies().sort()).toEqual(numbered(25).sort());
  });

  it('calls at once without a window, however few messages there are', async ({
    onTestFinished,
  }) => {
    const { server, drained } = await start(onTestFinished, () => success());
    const startMs = Date.now();
    await server.send('main', 'x');
    expect(await drained()).toBe(0);
    expect(Date.now() - startMs).toBeLessThan(3000);
  });

  it('gathers for as long as the window, counted from the first message', async ({
    onTestFinished,
  }) => {
    const { server, events, drained } = await start(onTestFinished, () => success(), {
      visibilityTimeoutSeconds: 10,
      mapping: { batchSize: 100, batchingWindowMs: 1000 },
    });
    await delay(200);
    const startMs = Date.now();
    await server.send('main', 'one');
    await delay(300);
    await server.send('main', 'two');
    await server.send('main', 'three');
    expect(await drained()).toBe(0);
    expect(Date.now() - startMs).toBeGreaterThanOrEqual(990);
    expect(events.map(({ Records }) => Records.map(({ body }) => body))).toEqual([
      ['one', 'two', 'three'],
    ]);
  });

  it('does not wait for the window once the batch is full', async ({ onTestFinished }) => {
    const { events, drained } = await start(onTestFinished, () => success(), {
      bodies: numbered(35),
      mapping: { batchSize: 35, batchingWindowMs: 60_000 },
    });
    const startMs = Date.now();
    expect(await drained()).toBe(0);
    expect(Date.now() - startMs).toBeLessThan(2000);
    expect(events.map(({ Records }) => Records.length)).toEqual([35]);
  });

  it('keeps every event within 6 MB, and hands all messages over', async ({ onTestFinished }) => {
    const sizes: number[] = [];
    const large = Array.from({ length: 40 }, (_, n) => `${n}`.padEnd(250_000, 'x'));
    const { events, drained, bodies } = await start(
      onTestFinished,
      (_event, payload) => {
        sizes.push(Buffer.byteLength(payload));
        return success();
      },
      {
        bodies: large,
        visibilityTimeoutSeconds: 30,
        mapping: { batchSize: 100, batchingWindowMs: 1000 },
      },
    );
    expect(await drained()).toBe(0);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(6 * 1024 * 1024);
    expect(events.length).toBeGreaterThan(1);
    expect(bodies().sort()).toEqual([...large].sort());
  });

  it('runs as many invocations at a time as it may, and no more', async ({ onTestFinished }) => {
    const { peak, drained } = await start(
      onTestFinished,
      async () => {
        await delay(50);
        return success();
      },
      { bodies: numbered(30), mapping: { batchSize: 1, maximumConcurrency: 3 } },
    );
    expect(await drained()).toBe(0);
    expect(peak.running).toBe(3);
  });

  it('takes no message that it cannot hand over yet', async ({ onTestFinished }) => {
    const release = Promise.withResolvers<void>();
    const { server, events } = await start(
      onTestFinished,
      async () => {
        await release.promise;
        return success();
      },
      { bodies: numbered(3), mapping: { batchSize: 1, maximumConcurrency: 1 } },
    );
    await eventually(
      () => events.length,
      (count) => count === 1,
    );
    await delay(100);
    expect(server.depth('main')).toEqual({ visible: 2, inFlight: 1, delayed: 0 });
    release.resolve();
  });

  it('leaves all messages of a failed invocation, which come back after the visibility timeout', async ({
    onTestFinished,
  }) => {
    const begunMs = Date.now();
    const times: number[] = [];
    const { events, drained, warnings, mapping } = await start(
      onTestFinished,
      () => {
        times.push(Date.now());
        return times.length === 1 ? failure : success();
      },
      { bodies: numbered(2) },
    );
    expect(await drained()).toBe(0);
    const counts = events.flatMap(({ Records }) =>
      Records.map(({ body, attributes }) => `${body}: ${attributes.ApproximateReceiveCount}`),
    );
    expect(counts.sort()).toEqual(['message 0: 1', 'message 0: 2', 'message 1: 1', 'message 1: 2']);
    const [, secondMs = 0] = times;
    expect(secondMs - begunMs).toBeGreaterThanOrEqual(1000);
    expect(warnings.join()).toContain('the function failed with 2 message(s)');
    expect(mapping.counts).toMatchObject({ functionErrors: 1, returned: 2, deleted: 2 });
  });

  it('takes an invoke that rejects for a function error', async ({ onTestFinished }) => {
    const { drained, mapping, warnings } = await start(
      onTestFinished,
      (event) => {
        if (event.Records[0]?.attributes.ApproximateReceiveCount === '1')
          throw new Error('no pipe');
        return success();
      },
      { bodies: ['x'] },
    );
    expect(await drained()).toBe(0);
    expect(mapping.counts.functionErrors).toBe(1);
    expect(warnings.join()).toContain('no pipe');
  });

  it('tries a failed invocation sooner where it is told so', async ({ onTestFinished }) => {
    let calls = 0;
    const startMs = Date.now();
    const { drained } = await start(
      onTestFinished,
      () => {
        calls += 1;
        return calls === 1 ? failure : success();
      },
      { bodies: ['x'], visibilityTimeoutSeconds: 600, mapping: { retryDelaySeconds: 1 } },
    );
    expect(await drained()).toBe(0);
    expect(Date.now() - startMs).toBeGreaterThanOrEqual(900);
    expect(calls).toBe(2);
  });

  it('leads a message that always fails to the dead-letter queue, alone', async ({
    onTestFinished,
  }) => {
    const { server, drained, bodies } = await start(
      onTestFinished,
      ({ Records }) =>
        success({
          batchItemFailures: Records.filter(({ body }) => body === 'poison').map(
            ({ messageId }) => ({ itemIdentifier: messageId }),
          ),
        }),
      {
        bodies: ['good', 'poison', 'fine'],
        maxReceiveCount: 2,
        mapping: { reportsBatchItemFailures: true, retryDelaySeconds: 0 },
      },
    );
    expect(await drained()).toBe(0);
    expect(server.depth('dead').visible).toBe(1);
    expect(bodies().sort()).toEqual(['fine', 'good', 'poison', 'poison']);
  });

  it('deletes nothing when the answer names a message that is not of the batch', async ({
    onTestFinished,
  }) => {
    let calls = 0;
    const { drained, warnings, bodies } = await start(
      onTestFinished,
      () => {
        calls += 1;
        return success(calls === 1 ? { batchItemFailures: [{ itemIdentifier: 'other' }] } : null);
      },
      {
        bodies: ['a', 'b'],
        mapping: { reportsBatchItemFailures: true, retryDelaySeconds: 0 },
      },
    );
    expect(await drained()).toBe(0);
    expect(bodies().sort()).toEqual(['a', 'a', 'b', 'b']);
    expect(warnings.join()).toContain('names no message of the batch: {"itemIdentifier":"other"}');
  });

  it('pays no heed to such an answer when the mapping does not ask for it', async ({
    onTestFinished,
  }) => {
    const { drained, events } = await start(
      onTestFinished,
      ({ Records }) => success({ batchItemFailures: [{ itemIdentifier: Records[0]?.messageId }] }),
      { bodies: ['x'] },
    );
    expect(await drained()).toBe(0);
    expect(events).toHaveLength(1);
  });

  it('tries again with the same messages while it is throttled, which costs them no receive', async ({
    onTestFinished,
  }) => {
    let calls = 0;
    const { drained, events, mapping } = await start(
      onTestFinished,
      () => {
        calls += 1;
        return calls <= 2 ? { kind: 'throttled' } : success();
      },
      { bodies: ['x'], visibilityTimeoutSeconds: 30, maxReceiveCount: 1 },
    );
    expect(await drained()).toBe(0);
    expect(events.map(({ Records }) => Records[0]?.attributes.ApproximateReceiveCount)).toEqual([
      '1',
      '1',
      '1',
    ]);
    expect(mapping.counts).toMatchObject({ throttles: 2, invocations: 1 });
  });

  it('lets messages go when it is throttled for longer than they are its own', async ({
    onTestFinished,
  }) => {
    const { events, mapping, warnings } = await start(
      onTestFinished,
      () => ({ kind: 'throttled' }),
      { bodies: ['x'] },
    );
    const receives = () =>
      new Set(events.map(({ Records }) => Records[0]?.attributes.ApproximateReceiveCount));
    await eventually(
      () => receives().size,
      (size) => size >= 2,
    );
    expect([...receives()].slice(0, 2)).toEqual(['1', '2']);
    expect(mapping.counts).toMatchObject({ invocations: 0, deleted: 0 });
    expect(mapping.counts.throttles).toBeGreaterThan(2);
    expect(warnings.join()).toContain('no environment was free for 1 message(s)');
  });

  it('gives the messages of a throttled invocation back when it stops', async ({
    onTestFinished,
  }) => {
    const { server, events, mapping } = await start(onTestFinished, () => ({ kind: 'throttled' }), {
      bodies: ['x'],
      visibilityTimeoutSeconds: 600,
    });
    await eventually(
      () => events.length,
      (count) => count > 0,
    );
    await mapping.stop();
    expect(server.depth('main')).toEqual({ visible: 1, inFlight: 0, delayed: 0 });
  });

  it('lets running invocations finish when it stops, and starts no more', async ({
    onTestFinished,
  }) => {
    const { server, events, mapping } = await start(
      onTestFinished,
      async () => {
        await delay(300);
        return success();
      },
      { bodies: numbered(5), mapping: { batchSize: 1, maximumConcurrency: 2 } },
    );
    await eventually(
      () => events.length,
      (count) => count === 2,
    );
    await mapping.stop();
    expect(events).toHaveLength(2);
    expect(mapping.counts.deleted).toBe(2);
    expect(server.depth('main')).toEqual({ visible: 3, inFlight: 0, delayed: 0 });
  });

  it('does not wait for ever for an invocation that hangs', async ({ onTestFinished }) => {
    const never = Promise.withResolvers<InvokeResult>();
    const { events, mapping, server } = await start(onTestFinished, () => never.promise, {
      bodies: ['x'],
    });
    await eventually(
      () => events.length,
      (count) => count === 1,
    );
    const startMs = Date.now();
    await mapping.stop(200);
    expect(Date.now() - startMs).toBeLessThan(3000);
    // An answer that comes too late changes nothing.
    never.resolve(success());
    await delay(100);
    expect(server.depth('main').inFlight).toBe(1);
  });

  it('stops at once while it waits for messages', async ({ onTestFinished }) => {
    const { mapping } = await start(onTestFinished, () => success());
    await delay(100);
    const startMs = Date.now();
    await mapping.stop();
    expect(Date.now() - startMs).toBeLessThan(3000);
  });

  it('refuses a batch of more than ten without a window, as AWS does', async ({
    onTestFinished,
  }) => {
    await expect(
      start(onTestFinished, () => success(), { mapping: { batchSize: 11 } }),
    ).rejects.toThrow('A batch size of 11 needs a batching window of at least 1 second');
  });

  it('hands every message over, whatever faults the queue has', async ({ onTestFinished }) => {
    const { server, left, bodies, mapping } = await start(onTestFinished, () => success(), {
      mapping: { maximumConcurrency: 2 },
    });
    server.setFaults({
      seed: 2,
      rates: {
        throttle: 0.05,
        overLimit: 0.05,
        internalError: 0.05,
        resetBeforeAnswer: 0.05,
        lostResponse: 0.1,
        entryFailure: 0.1,
        duplicate: 0.2,
        delay: 0.2,
        reorder: 0.3,
      },
      maximumDelayMs: 300,
    });
    for (const body of numbered(60)) await server.send('main', body);
    expect(await eventually(left, (count) => count === 0)).toBe(0);
    expect([...new Set(bodies())].sort()).toEqual(numbered(60).sort());
    expect(server.depth('dead').visible).toBe(0);
    expect(mapping.counts.received).toBeGreaterThan(60);
    const counts = server.faultCounts;
    expect(counts.duplicate).toBeGreaterThan(0);
    expect(counts.reorder).toBeGreaterThan(0);
  });
});
