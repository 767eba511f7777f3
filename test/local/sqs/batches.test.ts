import {
  BatchEntryIdsNotDistinct,
  BatchRequestTooLong,
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  EmptyBatchRequest,
  InvalidBatchEntryId,
  SendMessageBatchCommand,
  type SendMessageBatchRequestEntry,
  TooManyEntriesInBatchRequest,
} from '@aws-sdk/client-sqs';
import { afterAll, describe, expect, it } from 'vitest';
import { conformanceTarget, errorOf } from './harness.ts';

const target = await conformanceTarget();
const { bench } = target;
afterAll(() => target.dispose());

const sendBatch = async (QueueUrl: string, Entries: SendMessageBatchRequestEntry[]) =>
  await target.client.send(new SendMessageBatchCommand({ QueueUrl, Entries }));

const entries = (count: number, body = 'x') =>
  Array.from({ length: count }, (_, n) => ({ Id: `entry-${n}`, MessageBody: `${body}${n}` }));

describe.concurrent('a batch', () => {
  it('of ten is sent, received and deleted in three calls', async () => {
    const QueueUrl = await bench.create({ VisibilityTimeout: '1' });
    const sent = await sendBatch(QueueUrl, entries(10));
    expect(sent.Failed ?? []).toEqual([]);
    expect(sent.Successful?.map(({ Id }) => Id)).toEqual(entries(10).map(({ Id }) => Id));
    const messages = await bench.receive(QueueUrl, { MaxNumberOfMessages: 10, WaitTimeSeconds: 1 });
    expect(messages.map(({ MessageId }) => MessageId).sort()).toEqual(
      sent.Successful?.map(({ MessageId }) => MessageId).sort(),
    );
    const deleted = await target.client.send(
      new DeleteMessageBatchCommand({
        QueueUrl,
        Entries: messages.map(({ ReceiptHandle }, n) => ({ Id: String(n), ReceiptHandle })),
      }),
    );
    expect(deleted.Successful).toHaveLength(10);
    expect(await bench.receive(QueueUrl, { WaitTimeSeconds: 2 })).toEqual([]);
  });

  it('reaches a receiver that waits as a whole', async () => {
    const QueueUrl = await bench.create();
    const waiting = bench.receive(QueueUrl, { MaxNumberOfMessages: 10, WaitTimeSeconds: 5 });
    await new Promise((resolve) => setTimeout(resolve, 300));
    await sendBatch(QueueUrl, entries(10));
    const first = await waiting;
    const rest = await bench.receive(QueueUrl, { MaxNumberOfMessages: 10 });
    expect(first.length + rest.length).toBe(10);
  });

  it('has a delay for each entry', async () => {
    const QueueUrl = await bench.create();
    await sendBatch(QueueUrl, [
      { Id: 'later', MessageBody: 'later', DelaySeconds: 1 },
      { Id: 'now', MessageBody: 'now' },
    ]);
    const first = await bench.receive(QueueUrl, { MaxNumberOfMessages: 10 });
    expect(first.map(({ Body }) => Body)).toEqual(['now']);
    expect((await bench.receiveOne(QueueUrl)).Body).toBe('later');
  });

  it('with a message that is refused sends the others', async () => {
    const QueueUrl = await bench.create();
    const sent = await sendBatch(QueueUrl, [
      { Id: 'good', MessageBody: 'good' },
      { Id: 'bad', MessageBody: 'bad', DelaySeconds: 901 },
    ]);
    expect(sent.Successful?.map(({ Id }) => Id)).toEqual(['good']);
    expect(sent.Failed).toMatchObject([
      { Id: 'bad', SenderFault: true, Code: 'InvalidParameterValue' },
    ]);
    const messages = await bench.receive(QueueUrl, { MaxNumberOfMessages: 10, WaitTimeSeconds: 1 });
    expect(messages.map(({ Body }) => Body)).toEqual(['good']);
  });

  it('with a receipt handle that is none deletes and hides the others', async () => {
    const QueueUrl = await bench.create();
    await bench.send(QueueUrl, 'x');
    const { ReceiptHandle } = await bench.receiveOne(QueueUrl);
    const handles = [
      { Id: 'good', ReceiptHandle },
      { Id: 'bad', ReceiptHandle: 'no-such-receipt' },
    ];
    const changed = await target.client.send(
      new ChangeMessageVisibilityBatchCommand({
        QueueUrl,
        Entries: handles.map((handle) => ({ ...handle, VisibilityTimeout: 60 })),
      }),
    );
    const deleted = await target.client.send(
      new DeleteMessageBatchCommand({ QueueUrl, Entries: handles }),
    );
    for (const answer of [changed, deleted]) {
      expect(answer.Successful?.map(({ Id }) => Id)).toEqual(['good']);
      expect(answer.Failed).toMatchObject([
        { Id: 'bad', SenderFault: true, Code: 'ReceiptHandleIsInvalid' },
      ]);
    }
  });

  it('of none, of eleven, of two with one id and of an id with a blank is refused', async () => {
    const QueueUrl = await bench.create();
    const refused = async (batch: SendMessageBatchRequestEntry[]) =>
      await errorOf(sendBatch(QueueUrl, batch));
    expect(await refused([])).toBeInstanceOf(EmptyBatchRequest);
    expect(await refused(entries(11))).toBeInstanceOf(TooManyEntriesInBatchRequest);
    expect(await refused([...entries(1), ...entries(1)])).toBeInstanceOf(BatchEntryIdsNotDistinct);
    expect(await refused([{ Id: 'a b', MessageBody: 'x' }])).toBeInstanceOf(InvalidBatchEntryId);
    expect(await bench.receive(QueueUrl)).toEqual([]);
  });

  it('of more than 1 MiB in all is refused as a whole', async () => {
    const QueueUrl = await bench.create();
    const error = await errorOf(sendBatch(QueueUrl, entries(10, 'x'.repeat(110_000))));
    expect(error).toBeInstanceOf(BatchRequestTooLong);
    expect(await bench.receive(QueueUrl)).toEqual([]);
  });
});
