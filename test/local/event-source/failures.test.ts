import { describe, expect, it } from 'vitest';
import { eventually } from '../sqs/harness.ts';
import { failure, numbered, start, success } from './harness.ts';

describe.concurrent('an event source mapping', () => {
  it('leaves all messages of a failed invocation, which come back after the visibility timeout', async ({
    onTestFinished,
  }) => {
    const begunMs = Date.now();
    const times: number[] = [];
    const { events, drained, warnings, mapping } = await start(
      onTestFinished,
      () => {
        times.push(Date.now());
        return times.length === 1 ? failure : success();
      },
      { bodies: numbered(2) },
    );
    expect(await drained()).toBe(0);
    const counts = events.flatMap(({ Records }) =>
      Records.map(({ body, attributes }) => `${body}: ${attributes.ApproximateReceiveCount}`),
    );
    expect(counts.sort()).toEqual(['message 0: 1', 'message 0: 2', 'message 1: 1', 'message 1: 2']);
    const [, secondMs = 0] = times;
    expect(secondMs - begunMs).toBeGreaterThanOrEqual(1000);
    expect(warnings.join()).toContain('the function failed with 2 message(s)');
    expect(mapping.counts).toMatchObject({ functionErrors: 1, returned: 2, deleted: 2 });
  });

  it('takes an invoke that rejects for a function error', async ({ onTestFinished }) => {
    const { drained, mapping, warnings } = await start(
      onTestFinished,
      (event) => {
        if (event.Records[0]?.attributes.ApproximateReceiveCount === '1')
          throw new Error('no pipe');
        return success();
      },
      { bodies: ['x'] },
    );
    expect(await drained()).toBe(0);
    expect(mapping.counts.functionErrors).toBe(1);
    expect(warnings.join()).toContain('no pipe');
  });

  it('tries a failed invocation sooner where it is told so', async ({ onTestFinished }) => {
    let calls = 0;
    const startMs = Date.now();
    const { drained } = await start(
      onTestFinished,
      () => {
        calls += 1;
        return calls === 1 ? failure : success();
      },
      { bodies: ['x'], visibilityTimeoutSeconds: 600, mapping: { retryDelaySeconds: 1 } },
    );
    expect(await drained()).toBe(0);
    expect(Date.now() - startMs).toBeGreaterThanOrEqual(900);
    expect(calls).toBe(2);
  });

  it('leads a message that always fails to the dead-letter queue, alone', async ({
    onTestFinished,
  }) => {
    const { server, drained, bodies } = await start(
      onTestFinished,
      ({ Records }) =>
        success({
          batchItemFailures: Records.filter(({ body }) => body === 'poison').map(
            ({ messageId }) => ({ itemIdentifier: messageId }),
          ),
        }),
      {
        bodies: ['good', 'poison', 'fine'],
        maxReceiveCount: 2,
        mapping: { reportsBatchItemFailures: true, retryDelaySeconds: 0 },
      },
    );
    expect(await drained()).toBe(0);
    expect(server.depth('dead').visible).toBe(1);
    expect(bodies().sort()).toEqual(['fine', 'good', 'poison', 'poison']);
  });

  it('deletes nothing when the answer names a message that is not of the batch', async ({
    onTestFinished,
  }) => {
    let calls = 0;
    const { drained, warnings, bodies } = await start(
      onTestFinished,
      () => {
        calls += 1;
        return success(calls === 1 ? { batchItemFailures: [{ itemIdentifier: 'other' }] } : null);
      },
      {
        bodies: ['a', 'b'],
        mapping: { reportsBatchItemFailures: true, retryDelaySeconds: 0 },
      },
    );
    expect(await drained()).toBe(0);
    expect(bodies().sort()).toEqual(['a', 'a', 'b', 'b']);
    expect(warnings.join()).toContain('names no message of the batch: {"itemIdentifier":"other"}');
  });

  it('pays no heed to such an answer when the mapping does not ask for it', async ({
    onTestFinished,
  }) => {
    const { drained, events } = await start(
      onTestFinished,
      ({ Records }) => success({ batchItemFailures: [{ itemIdentifier: Records[0]?.messageId }] }),
      { bodies: ['x'] },
    );
    expect(await drained()).toBe(0);
    expect(events).toHaveLength(1);
  });

  it('hands every message over, whatever faults the queue has', async ({ onTestFinished }) => {
    const { server, left, bodies, mapping } = await start(onTestFinished, () => success(), {
      mapping: { maximumConcurrency: 2 },
    });
    server.setFaults({
      seed: 2,
      rates: {
        throttle: 0.05,
        overLimit: 0.05,
        internalError: 0.05,
        resetBeforeAnswer: 0.05,
        lostResponse: 0.1,
        entryFailure: 0.1,
        duplicate: 0.2,
        delay: 0.2,
        reorder: 0.3,
      },
      maximumDelayMs: 300,
    });
    for (const body of numbered(60)) await server.send('main', body);
    expect(await eventually(left, (count) => count === 0)).toBe(0);
    expect([...new Set(bodies())].sort()).toEqual(numbered(60).sort());
    expect(server.depth('dead').visible).toBe(0);
    expect(mapping.counts.received).toBeGreaterThan(60);
    const counts = server.faultCounts;
    expect(counts.duplicate).toBeGreaterThan(0);
    expect(counts.reorder).toBeGreaterThan(0);
  });
});
