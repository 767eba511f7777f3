import { createHash } from 'node:crypto';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { afterAll, describe, expect, it } from 'vitest';
import { conformanceTarget, errorOf } from './harness.ts';

const target = await conformanceTarget();
const { bench } = target;
afterAll(() => target.dispose());

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
});
