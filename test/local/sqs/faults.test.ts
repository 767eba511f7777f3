import {
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  ListQueuesCommand,
  OverLimit,
  ReceiveMessageCommand,
  RequestThrottled,
  SendMessageBatchCommand,
  SendMessageCommand,
} from '@aws-sdk/client-sqs';
import { describe, expect, it } from 'vitest';
import type { SqsFaultPlan } from '../../../local/sqs/faults.ts';
import {
  clientOf,
  errorOf,
  eventually,
  type OnTestFinished,
  ownServer,
  QueueBench,
} from './harness.ts';

async function startWith(
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

  it('hit the same messages for the same seed, however often anyone polls in between', async ({
    onTestFinished,
  }) => {
    const hits = async (polls: number) => {
      const own = await startWith(
        onTestFinished,
        { duplicate: 0.3, delay: 0.3, throttle: 0.2 },
        { seed: 5 },
      );
      const outcomes: string[] = [];
      for (let n = 0; n < 20; n += 1) {
        for (let poll = 0; poll < polls; poll += 1) {
          await own.impatient
            .send(new ReceiveMessageCommand({ QueueUrl: own.url }))
            .catch(() => {});
        }
        outcomes.push(
          await own.impatient
            .send(new SendMessageCommand({ QueueUrl: own.url, MessageBody: `message ${n}` }))
            .then(
              () => 'sent',
              (error: Error) => error.name,
            ),
        );
      }
      const { duplicate, delay } = own.server.faultCounts;
      return { outcomes, duplicate, delay };
    };
    const once = await hits(0);
    expect(once.outcomes).toContain('RequestThrottled');
    expect(once.duplicate).toBeGreaterThan(0);
    expect(await hits(2)).toEqual(once);
  });

  it('lose nothing for a client that tries again and deletes what it has seen', async ({
    onTestFinished,
  }) => {
    const own = await startWith(
      onTestFinished,
      {
        throttle: 0.05,
        internalError: 0.05,
        resetBeforeAnswer: 0.05,
        lostResponse: 0.05,
        entryFailure: 0.2,
        duplicate: 0.2,
        delay: 0.2,
        reorder: 0.5,
      },
      { seed: 11, maximumDelayMs: 300 },
    );
    const bench = new QueueBench(own.impatient);
    const bodies = Array.from({ length: 50 }, (_, n) => `message ${n}`);
    let unsent = bodies;
    while (unsent.length > 0) {
      const chunk = unsent.slice(0, 10);
      const Entries = chunk.map((MessageBody, n) => ({ Id: String(n), MessageBody }));
      const send = new SendMessageBatchCommand({ QueueUrl: own.url, Entries });
      const { Failed = [] } = await persist(() => own.impatient.send(send));
      const failed = new Set(Failed.map(({ Id }) => Id));
      unsent = [...chunk.filter((_, n) => failed.has(String(n))), ...unsent.slice(10)];
    }
    const seen = new Set<string | undefined>();
    const drain = async () => {
      const messages = await persist(() =>
        bench.receive(own.url, { MaxNumberOfMessages: 10, WaitTimeSeconds: 1 }),
      );
      for (const { Body } of messages) seen.add(Body);
      if (messages.length > 0) {
        const Entries = messages.map(({ ReceiptHandle }, n) => ({ Id: String(n), ReceiptHandle }));
        const remove = new DeleteMessageBatchCommand({ QueueUrl: own.url, Entries });
        await persist(() => own.impatient.send(remove));
      }
      const { visible, inFlight, delayed } = own.server.depth('main');
      return visible + inFlight + delayed;
    };
    expect(await eventually(drain, (left) => left === 0)).toBe(0);
    expect([...seen].sort()).toEqual([...bodies].sort());
    const injected = Object.values(own.server.faultCounts).reduce(
      (total, count) => total + count,
      0,
    );
    expect(injected).toBeGreaterThan(30);
  });

  it('are set and read over HTTP while the server runs', async ({ onTestFinished }) => {
    const own = await startWith(onTestFinished);
    const faults = `${own.server.url}/_pilotlight/faults`;
    const put = async (body: unknown, type = 'application/json') =>
      await fetch(faults, {
        method: 'PUT',
        headers: { 'content-type': type },
        body: JSON.stringify(body),
      });
    expect((await put({ seed: 9, rates: { throttle: 1 } })).status).toBe(200);
    expect((await errorOf(own.impatient.send(new ListQueuesCommand({})))).name).toBe(
      'RequestThrottled',
    );
    expect(await (await fetch(faults)).json()).toMatchObject({
      plan: { seed: 9, rates: { throttle: 1, duplicate: 0 } },
      counts: { throttle: 1 },
    });
    expect((await put(null)).status).toBe(200);
    await own.impatient.send(new ListQueuesCommand({}));
    const refused = await put({ seed: 1, rates: { throttle: 2 } });
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({
      message: expect.stringContaining('rates.throttle'),
    });
    expect((await put({ seed: 1, rates: { throtle: 1 } })).status).toBe(400);
    expect((await put({ seed: 1, rates: {} }, 'text/plain')).status).toBe(400);
    await own.impatient.send(new ListQueuesCommand({}));
  });
});

/** Calls again, at once, until the call succeeds. */
async function persist<T>(call: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      if (attempt === 20) throw error;
    }
  }
}
