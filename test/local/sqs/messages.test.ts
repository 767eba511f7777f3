import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  ReceiptHandleIsInvalid,
  SendMessageCommand,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { conformanceTarget, errorOf, QueueBench } from './harness.ts';

let target: Awaited<ReturnType<typeof conformanceTarget>>;
let bench: QueueBench;

beforeAll(async () => {
  target = await conformanceTarget();
  bench = new QueueBench(target.client);
});
afterAll(async () => {
  await bench.dispose();
  await target.dispose();
});

const md5 = (text: string) => createHash('md5').update(text).digest('hex');

describe.concurrent('a message', () => {
  it('comes back as it was sent, with its digest and its times', async () => {
    const QueueUrl = await bench.create();
    const body = '{"text": "Grüße, 世界 🌍\\n"}\ttab\r\nline';
    const beforeMs = Date.now();
    const sent = await target.client.send(new SendMessageCommand({ QueueUrl, MessageBody: body }));
    expect(sent.MD5OfMessageBody).toBe(md5(body));
    const message = await bench.receiveOne(QueueUrl);
    expect(message).toMatchObject({ MessageId: sent.MessageId, Body: body, MD5OfBody: md5(body) });
    expect(message.Attributes?.ApproximateReceiveCount).toBe('1');
    const sentMs = Number(message.Attributes?.SentTimestamp);
    const firstMs = Number(message.Attributes?.ApproximateFirstReceiveTimestamp);
    expect(Math.abs(sentMs - beforeMs)).toBeLessThan(5000);
    expect(firstMs).toBeGreaterThanOrEqual(sentMs);
  });

  it('has no system attributes unless they are asked for', async () => {
    const QueueUrl = await bench.create();
    await bench.send(QueueUrl, 'x');
    const message = await bench.receiveOne(QueueUrl, { MessageSystemAttributeNames: [] });
    expect(message.Attributes).toBeUndefined();
  });

  it('carries attributes of every type, with the digest that SQS defines', async () => {
    const QueueUrl = await bench.create();
    const sent = await target.client.send(
      new SendMessageCommand({
        QueueUrl,
        MessageBody: 'x',
        MessageAttributes: {
          text: { DataType: 'String', StringValue: 'hé' },
          number: { DataType: 'Number.int', StringValue: '42' },
          bytes: { DataType: 'Binary', BinaryValue: Uint8Array.of(0, 1, 254, 255) },
        },
      }),
    );
    // The digest of the same attributes by another implementation (moto).
    expect(sent.MD5OfMessageAttributes).toBe('b3cec5e4ec39b55b27474aa8ada90e85');
    const message = await bench.receiveOne(QueueUrl, { MessageAttributeNames: ['All'] });
    expect(message.MD5OfMessageAttributes).toBe(sent.MD5OfMessageAttributes);
    expect(message.MessageAttributes).toMatchObject({
      text: { DataType: 'String', StringValue: 'hé' },
      number: { DataType: 'Number.int', StringValue: '42' },
      bytes: { DataType: 'Binary', BinaryValue: Uint8Array.of(0, 1, 254, 255) },
    });
  });

  it('gives the attributes that were asked for by name and by prefix', async () => {
    const QueueUrl = await bench.create({ VisibilityTimeout: '0' });
    const attribute = { DataType: 'String', StringValue: 'x' };
    await target.client.send(
      new SendMessageCommand({
        QueueUrl,
        MessageBody: 'x',
        MessageAttributes: { 'trace.id': attribute, 'trace.parent': attribute, other: attribute },
      }),
    );
    const namesFor = async (MessageAttributeNames: string[]) => {
      const message = await bench.receiveOne(QueueUrl, { MessageAttributeNames });
      return Object.keys(message.MessageAttributes ?? {}).sort();
    };
    expect(await namesFor([])).toEqual([]);
    expect(await namesFor(['other'])).toEqual(['other']);
    expect(await namesFor(['trace.*'])).toEqual(['trace.id', 'trace.parent']);
  });

  it('is refused with an attribute that is empty or of no known type', async () => {
    const QueueUrl = await bench.create();
    const errors = await Promise.all(
      [
        { DataType: 'String', StringValue: '' },
        { DataType: 'Date', StringValue: 'today' },
      ].map((value) =>
        errorOf(
          target.client.send(
            new SendMessageCommand({ QueueUrl, MessageBody: 'x', MessageAttributes: { value } }),
          ),
        ),
      ),
    );
    for (const error of errors) expect(error).toMatchObject({ Code: 'InvalidParameterValue' });
  });

  it('is refused with a character that XML does not have', async () => {
    const QueueUrl = await bench.create();
    const error = await errorOf(bench.send(QueueUrl, 'null \u0000 byte'));
    expect(error.name).toBe('InvalidMessageContents');
  });

  it('may be as long as MaximumMessageSize says, and not a byte longer', async () => {
    const QueueUrl = await bench.create({ MaximumMessageSize: '2048' });
    await bench.send(QueueUrl, 'x'.repeat(2048));
    const error = await errorOf(bench.send(QueueUrl, 'x'.repeat(2049)));
    expect(error).toMatchObject({ Code: 'InvalidParameterValue' });
    expect(error.message).toContain('2048 bytes');
  });

  it('of 256 KiB goes through whole, and of more than 1 MiB through no queue', async () => {
    const QueueUrl = await bench.create();
    const body = 'é'.repeat(128 * 1024);
    await bench.send(QueueUrl, body);
    expect((await bench.receiveOne(QueueUrl)).Body).toBe(body);
    expect(await errorOf(bench.send(QueueUrl, 'x'.repeat(1024 * 1024 + 1)))).toMatchObject({
      Code: 'InvalidParameterValue',
    });
  });

  it('is hidden from others until its visibility timeout has passed, and counts its receives', async () => {
    const QueueUrl = await bench.create({ VisibilityTimeout: '1' });
    await bench.send(QueueUrl, 'x');
    const first = await bench.receiveOne(QueueUrl);
    expect(await bench.receive(QueueUrl)).toEqual([]);
    expect(await bench.attribute(QueueUrl, 'ApproximateNumberOfMessagesNotVisible')).toBe('1');
    const second = await bench.receiveOne(QueueUrl, { WaitTimeSeconds: 3 });
    expect(second.MessageId).toBe(first.MessageId);
    expect(second.ReceiptHandle).not.toBe(first.ReceiptHandle);
    expect(second.Attributes?.ApproximateReceiveCount).toBe('2');
    expect(second.Attributes?.ApproximateFirstReceiveTimestamp).toBe(
      first.Attributes?.ApproximateFirstReceiveTimestamp,
    );
  });

  it('is hidden for as long as the receiver asked, whatever the queue says', async () => {
    const QueueUrl = await bench.create({ VisibilityTimeout: '1' });
    await bench.send(QueueUrl, 'x');
    await bench.receiveOne(QueueUrl, { VisibilityTimeout: 30 });
    expect(await bench.receive(QueueUrl, { WaitTimeSeconds: 2 })).toEqual([]);
  });

  it('is gone for good once deleted', async () => {
    const QueueUrl = await bench.create({ VisibilityTimeout: '1' });
    await bench.send(QueueUrl, 'x');
    const { ReceiptHandle } = await bench.receiveOne(QueueUrl);
    await target.client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
    expect(await bench.receive(QueueUrl, { WaitTimeSeconds: 2 })).toEqual([]);
    // A second delete is no error.
    await target.client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
  });

  it('can still be deleted after its visibility timeout, as long as nobody else received it', async () => {
    const QueueUrl = await bench.create({ VisibilityTimeout: '1' });
    await bench.send(QueueUrl, 'x');
    const { ReceiptHandle } = await bench.receiveOne(QueueUrl);
    await delay(1200);
    await target.client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
    expect(await bench.receive(QueueUrl)).toEqual([]);
  });

  it('is visible at once when its timeout is set to 0', async () => {
    const QueueUrl = await bench.create();
    await bench.send(QueueUrl, 'x');
    const { ReceiptHandle } = await bench.receiveOne(QueueUrl);
    await target.client.send(
      new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 0 }),
    );
    expect((await bench.receiveOne(QueueUrl)).Attributes?.ApproximateReceiveCount).toBe('2');
  });

  it('is hidden for longer when its timeout is extended', async () => {
    const QueueUrl = await bench.create({ VisibilityTimeout: '1' });
    await bench.send(QueueUrl, 'x');
    const { ReceiptHandle } = await bench.receiveOne(QueueUrl);
    await target.client.send(
      new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 30 }),
    );
    expect(await bench.receive(QueueUrl, { WaitTimeSeconds: 2 })).toEqual([]);
  });

  it('is not hidden beyond twelve hours', async () => {
    const QueueUrl = await bench.create();
    await bench.send(QueueUrl, 'x');
    const { ReceiptHandle } = await bench.receiveOne(QueueUrl);
    const error = await errorOf(
      target.client.send(
        new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 43_201 }),
      ),
    );
    expect(error).toMatchObject({ Code: 'InvalidParameterValue' });
  });

  it('cannot be deleted or hidden with a receipt handle that nobody was given', async () => {
    const QueueUrl = await bench.create();
    const ReceiptHandle = 'no-such-receipt';
    const errors = await Promise.all([
      errorOf(target.client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }))),
      errorOf(
        target.client.send(
          new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 1 }),
        ),
      ),
    ]);
    for (const error of errors) {
      expect(error).toBeInstanceOf(ReceiptHandleIsInvalid);
      expect(error).toMatchObject({ Code: 'ReceiptHandleIsInvalid' });
    }
  });

  it('waits for its delay before it is received', async () => {
    const QueueUrl = await bench.create();
    const sentMs = Date.now();
    await bench.send(QueueUrl, 'x', 1);
    expect(await bench.receive(QueueUrl)).toEqual([]);
    expect(await bench.attribute(QueueUrl, 'ApproximateNumberOfMessagesDelayed')).toBe('1');
    await bench.receiveOne(QueueUrl);
    expect(Date.now() - sentMs).toBeGreaterThanOrEqual(990);
  });

  it("has the queue's delay when it names none of its own", async () => {
    const QueueUrl = await bench.create({ DelaySeconds: '1' });
    await bench.send(QueueUrl, 'later');
    await bench.send(QueueUrl, 'now', 0);
    expect((await bench.receiveOne(QueueUrl)).Body).toBe('now');
    expect((await bench.receiveOne(QueueUrl)).Body).toBe('later');
  });
});

describe.concurrent('a receive', () => {
  it('gives one message unless more are asked for, and ten at most', async () => {
    const QueueUrl = await bench.create();
    await Promise.all(Array.from({ length: 12 }, (_, n) => bench.send(QueueUrl, String(n))));
    expect(await bench.receive(QueueUrl)).toHaveLength(1);
    expect(await bench.receive(QueueUrl, { MaxNumberOfMessages: 10 })).toHaveLength(10);
    for (const MaxNumberOfMessages of [0, 11]) {
      expect(await errorOf(bench.receive(QueueUrl, { MaxNumberOfMessages }))).toMatchObject({
        Code: 'InvalidParameterValue',
      });
    }
  });

  it('waits for a message that is yet to be sent, and no longer than it takes', async () => {
    const QueueUrl = await bench.create();
    const startMs = Date.now();
    const waiting = bench.receiveOne(QueueUrl, { WaitTimeSeconds: 10 });
    await delay(300);
    await bench.send(QueueUrl, 'x');
    expect((await waiting).Body).toBe('x');
    expect(Date.now() - startMs).toBeLessThan(5000);
  });

  it('comes back empty when its wait is over', async () => {
    const QueueUrl = await bench.create();
    const startMs = Date.now();
    expect(await bench.receive(QueueUrl, { WaitTimeSeconds: 1 })).toEqual([]);
    expect(Date.now() - startMs).toBeGreaterThanOrEqual(990);
  });

  it("waits as long as the queue's ReceiveMessageWaitTimeSeconds when it does not say", async () => {
    const QueueUrl = await bench.create({ ReceiveMessageWaitTimeSeconds: '1' });
    const startMs = Date.now();
    expect(await bench.receive(QueueUrl)).toEqual([]);
    expect(Date.now() - startMs).toBeGreaterThanOrEqual(990);
  });

  it('gives each message to one receiver only', async () => {
    const QueueUrl = await bench.create();
    await Promise.all(Array.from({ length: 20 }, (_, n) => bench.send(QueueUrl, String(n))));
    const received = await Promise.all(
      Array.from({ length: 20 }, () => bench.receive(QueueUrl, { MaxNumberOfMessages: 3 })),
    );
    const bodies = received.flat().map(({ Body }) => Body);
    expect(bodies.sort()).toEqual(Array.from({ length: 20 }, (_, n) => String(n)).sort());
  });
});
