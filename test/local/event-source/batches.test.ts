import { setTimeout as delay } from 'node:timers/promises';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { describe, expect, it } from 'vitest';
import { clientOf, eventually } from '../sqs/harness.ts';
import { numbered, start, success } from './harness.ts';

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

  it('refuses a batch of more than ten without a window, as AWS does', async ({
    onTestFinished,
  }) => {
    await expect(
      start(onTestFinished, () => success(), { mapping: { batchSize: 11 } }),
    ).rejects.toThrow('A batch size of 11 needs a batching window of at least 1 second');
  });
});
