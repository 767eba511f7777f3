import {
  DeleteMessageBatchCommand,
  ListQueuesCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
} from '@aws-sdk/client-sqs';
import { describe, expect, it } from 'vitest';
import { startWith } from './faulty-queue.ts';
import { errorOf, eventually, QueueBench } from './harness.ts';

describe.concurrent('injected faults', () => {
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
