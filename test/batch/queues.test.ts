import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { SqsWorkQueue } from '../../src/adapters/sqs/work-queue.ts';
import { parsePlanQueueMessage } from '../../src/edge/plan/plan-queue-message.ts';
import { handleEach } from '../../src/edge/sqs-records.ts';
import { keepInvisible } from '../../src/edge/transform/keep-invisible.ts';
import { type Laptop, receive, remove, shardQueue, startLaptop } from './laptop.ts';

describe('a queue of work', () => {
  let laptop: Laptop;

  beforeAll(async () => {
    laptop = await startLaptop({ visibilityTimeoutSeconds: 1 });
  });
  afterEach(async () => {
    laptop.sqs.setFaults(undefined);
    await drain();
  });
  afterAll(async () => {
    await laptop.close();
  });

  const queue = () => new SqsWorkQueue<object>(laptop.sqsClient, laptop.sqs.queueUrl(shardQueue));

  async function drain(): Promise<unknown[]> {
    const found: unknown[] = [];
    for (;;) {
      const message = await receive(laptop, shardQueue);
      if (message === undefined) return found;
      found.push(JSON.parse(message.Body ?? ''));
      await remove(laptop, shardQueue, message);
    }
  }

  it('takes more messages than one call carries, and messages that fill a call each', async () => {
    const small = Array.from({ length: 37 }, (_, index) => ({ index }));
    const large = Array.from({ length: 4 }, (_, index) => ({ index, text: 'x'.repeat(200_000) }));
    await queue().send([...small, ...large]);
    const found = await drain();
    expect(found).toHaveLength(41);
    expect(new Set(found.map((message) => JSON.stringify(message))).size).toBe(41);
  });

  it('sends again what was refused, and what was not answered', async () => {
    laptop.sqs.setFaults({
      seed: 5,
      operations: ['SendMessageBatch'],
      rates: { entryFailure: 0.2, throttle: 0.1, resetBeforeAnswer: 0.1 },
    });
    await queue().send(Array.from({ length: 60 }, (_, index) => ({ index })));
    laptop.sqs.setFaults(undefined);
    const found = await drain();
    expect(new Set(found.map((message) => JSON.stringify(message))).size).toBe(60);
  });

  it('says when messages could not be sent', async () => {
    laptop.sqs.setFaults({ seed: 1, rates: { entryFailure: 1 } });
    await expect(queue().send([{ lost: true }])).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('keeps a message hidden for as long as its worker gives signs of life', async () => {
    await queue().send([{ slow: true }]);
    const message = await receive(laptop, shardQueue, 1);
    const stop = keepInvisible(
      (seconds) => queue().extend(message?.ReceiptHandle ?? '', seconds),
      1,
    );
    expect(await receive(laptop, shardQueue, 2)).toBeUndefined();
    stop();
    expect((await receive(laptop, shardQueue, 3))?.MessageId).toBe(message?.MessageId);
    await drain();
  });
});

describe('messages of an invocation', () => {
  it('are each worked on by itself: one that fails is reported, and its neighbours are not', async () => {
    const record = (messageId: string) => ({ messageId, body: messageId });
    const event = { Records: ['a', 'b', 'c'].map(record) } as Parameters<typeof handleEach>[0];
    const log = vi.fn();
    const done: string[] = [];
    const response = await handleEach(
      event,
      async ({ body }) => {
        if (body === 'b') throw new Error('broken');
        done.push(body);
      },
      log,
    );
    expect(response).toEqual({ batchItemFailures: [{ itemIdentifier: 'b' }] });
    expect(done).toEqual(['a', 'c']);
    expect(log).toHaveBeenCalledTimes(1);
  });
});

describe('a message of the plan queue', () => {
  const notification = (key: string, eventName = 'ObjectCreated:Put') =>
    JSON.stringify({
      Records: [
        {
          eventName,
          s3: { bucket: { name: 'jobs' }, object: { key, size: 3, eTag: 'abc', sequencer: '1' } },
        },
      ],
    });

  it('tells of uploads, whose keys come encoded and whose tags come without quotes', () => {
    expect(parsePlanQueueMessage(notification('in/m/a+b%2Bc%C3%BC.jsonl'))).toEqual({
      kind: 'uploads',
      uploads: [
        { bucket: 'jobs', object: { key: 'in/m/a b+cü.jsonl', etag: '"abc"', sizeBytes: 3 } },
      ],
    });
  });

  it('may be the test that S3 sends, an event of another kind, or a job to go on with', () => {
    const test = { Service: 'Amazon S3', Event: 's3:TestEvent', Bucket: 'jobs' };
    expect(parsePlanQueueMessage(JSON.stringify(test))).toEqual({ kind: 'test' });
    expect(parsePlanQueueMessage(notification('in/m/x', 'ObjectRemoved:Delete'))).toEqual({
      kind: 'uploads',
      uploads: [],
    });
    const own = { planJob: { jobId: 'a.b.0123456789abcdef' } };
    expect(parsePlanQueueMessage(JSON.stringify(own))).toEqual({
      kind: 'plan',
      plan: { jobId: 'a.b.0123456789abcdef', fromGroup: 0 },
    });
  });

  it('that is nothing of these is refused', () => {
    for (const body of ['', 'text', '{}', '[]', '{"Records":[{}]}']) {
      expect(() => parsePlanQueueMessage(body)).toThrow('plan message');
    }
  });
});
