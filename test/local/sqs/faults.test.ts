import {
  DeleteMessageCommand,
  OverLimit,
  ReceiveMessageCommand,
  RequestThrottled,
  SendMessageBatchCommand,
  SendMessageCommand,
} from '@aws-sdk/client-sqs';
import { describe, expect, it } from 'vitest';
import { startWith } from './faulty-queue.ts';
import { errorOf } from './harness.ts';

describe.concurrent('injected faults', () => {
  it('are none until they are switched on', async ({ onTestFinished }) => {
    const own = await startWith(onTestFinished);
    for (let n = 0; n < 50; n += 1) await own.bench.send(own.url, 'x');
    expect(own.server.faultCounts).toEqual({});
    expect(own.server.depth('main').visible).toBe(50);
  });

  it('throttle calls, which are not performed', async ({ onTestFinished }) => {
    const own = await startWith(onTestFinished, { throttle: 1 }, { operations: ['SendMessage'] });
    const call = own.impatient.send(
      new SendMessageCommand({ QueueUrl: own.url, MessageBody: 'x' }),
    );
    const error = await errorOf(call);
    expect(error).toBeInstanceOf(RequestThrottled);
    expect(error.$metadata.httpStatusCode).toBe(403);
    expect(own.server.depth('main').visible).toBe(0);
    expect(own.server.faultCounts.throttle).toBe(1);
  });

  it('tell receivers that too much is in flight', async ({ onTestFinished }) => {
    const own = await startWith(onTestFinished, { overLimit: 1 });
    await own.bench.send(own.url, 'x');
    const call = own.impatient.send(new ReceiveMessageCommand({ QueueUrl: own.url }));
    expect(await errorOf(call)).toBeInstanceOf(OverLimit);
    expect(own.server.faultCounts.overLimit).toBe(1);
  });

  it('answer 500, which is not performed either', async ({ onTestFinished }) => {
    const own = await startWith(onTestFinished, { internalError: 1 });
    const call = own.impatient.send(
      new SendMessageCommand({ QueueUrl: own.url, MessageBody: 'x' }),
    );
    expect((await errorOf(call)).$metadata.httpStatusCode).toBe(500);
    expect(own.server.depth('main').visible).toBe(0);
  });

  it('reset the connection before a call is performed, or after', async ({ onTestFinished }) => {
    const send = async (own: Awaited<ReturnType<typeof startWith>>) =>
      await errorOf(
        own.impatient.send(new SendMessageCommand({ QueueUrl: own.url, MessageBody: 'x' })),
      );
    const before = await startWith(onTestFinished, { resetBeforeAnswer: 1 });
    expect(await send(before)).toMatchObject({ code: 'ECONNRESET' });
    expect(before.server.depth('main').visible).toBe(0);
    const after = await startWith(onTestFinished, { lostResponse: 1 });
    expect(await send(after)).toMatchObject({ code: 'ECONNRESET' });
    expect(after.server.depth('main').visible).toBe(1);
    expect(after.server.faultCounts.lostResponse).toBe(1);
  });

  it('fail some entries of a batch and perform the others', async ({ onTestFinished }) => {
    const own = await startWith(onTestFinished, { entryFailure: 0.5 }, { seed: 7 });
    const answer = await own.impatient.send(
      new SendMessageBatchCommand({
        QueueUrl: own.url,
        Entries: Array.from({ length: 10 }, (_, n) => ({ Id: String(n), MessageBody: 'x' })),
      }),
    );
    const failed = answer.Failed?.length ?? 0;
    expect(failed).toBeGreaterThan(0);
    expect(failed).toBeLessThan(10);
    expect(answer.Failed?.[0]).toMatchObject({ SenderFault: false, Code: 'InternalFailure' });
    expect(own.server.depth('main').visible).toBe(10 - failed);
    expect(own.server.faultCounts.entryFailure).toBe(failed);
  });

  it('deliver messages twice, even after the first copy was deleted', async ({
    onTestFinished,
  }) => {
    const own = await startWith(onTestFinished, { duplicate: 1 }, { maximumDelayMs: 100 });
    await own.server.send('main', 'twice');
    const first = await own.bench.receiveOne(own.url);
    const { ReceiptHandle } = first;
    await own.client.send(new DeleteMessageCommand({ QueueUrl: own.url, ReceiptHandle }));
    const second = await own.bench.receiveOne(own.url);
    expect(second.MessageId).toBe(first.MessageId);
    expect(own.server.faultCounts.duplicate).toBe(1);
  });

  it('hold messages back', async ({ onTestFinished }) => {
    const own = await startWith(onTestFinished, { delay: 1 }, { maximumDelayMs: 60_000 });
    await own.server.send('main', 'late');
    expect(own.server.depth('main')).toEqual({ visible: 0, inFlight: 0, delayed: 1 });
    expect(own.server.faultCounts.delay).toBe(1);
  });

  it('hand messages out in another order, the same one for the same seed', async ({
    onTestFinished,
  }) => {
    const order = async (seed: number) => {
      const own = await startWith(onTestFinished, { reorder: 1 }, { seed });
      for (let n = 0; n < 10; n += 1) await own.server.send('main', String(n));
      const messages = await own.bench.receive(own.url, { MaxNumberOfMessages: 10 });
      return messages.map(({ Body }) => Body).join('');
    };
    const once = await order(3);
    expect([...once].sort().join('')).toBe('0123456789');
    expect(once).not.toBe('0123456789');
    expect(await order(3)).toBe(once);
    expect(await order(4)).not.toBe(once);
  });
});
