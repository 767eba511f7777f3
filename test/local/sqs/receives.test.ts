import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { conformanceTarget, errorOf } from './harness.ts';

const target = await conformanceTarget();
const { bench } = target;
afterAll(() => target.dispose());

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
