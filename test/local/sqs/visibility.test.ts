import { setTimeout as delay } from 'node:timers/promises';
import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  ReceiptHandleIsInvalid,
} from '@aws-sdk/client-sqs';
import { afterAll, describe, expect, it } from 'vitest';
import { conformanceTarget, errorOf } from './harness.ts';

const target = await conformanceTarget();
const { bench } = target;
afterAll(() => target.dispose());

describe.concurrent('a message', () => {
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
