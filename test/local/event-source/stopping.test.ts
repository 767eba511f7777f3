import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { InvokeResult } from '../../../local/lambda/invoke-result.ts';
import { eventually } from '../sqs/harness.ts';
import { numbered, start, success } from './harness.ts';

describe.concurrent('an event source mapping', () => {
  it('gives the messages of a throttled invocation back when it stops', async ({
    onTestFinished,
  }) => {
    const { server, events, mapping } = await start(onTestFinished, () => ({ kind: 'throttled' }), {
      bodies: ['x'],
      visibilityTimeoutSeconds: 600,
    });
    await eventually(
      () => events.length,
      (count) => count > 0,
    );
    await mapping.stop();
    expect(server.depth('main')).toEqual({ visible: 1, inFlight: 0, delayed: 0 });
  });

  it('lets running invocations finish when it stops, and starts no more', async ({
    onTestFinished,
  }) => {
    const { server, events, mapping } = await start(
      onTestFinished,
      async () => {
        await delay(300);
        return success();
      },
      { bodies: numbered(5), mapping: { batchSize: 1, maximumConcurrency: 2 } },
    );
    await eventually(
      () => events.length,
      (count) => count === 2,
    );
    await mapping.stop();
    expect(events).toHaveLength(2);
    expect(mapping.counts.deleted).toBe(2);
    expect(server.depth('main')).toEqual({ visible: 3, inFlight: 0, delayed: 0 });
  });

  it('does not wait for ever for an invocation that hangs', async ({ onTestFinished }) => {
    const never = Promise.withResolvers<InvokeResult>();
    const { events, mapping, server } = await start(onTestFinished, () => never.promise, {
      bodies: ['x'],
    });
    await eventually(
      () => events.length,
      (count) => count === 1,
    );
    const startMs = Date.now();
    await mapping.stop(200);
    expect(Date.now() - startMs).toBeLessThan(3000);
    // An answer that comes too late changes nothing.
    never.resolve(success());
    await delay(100);
    expect(server.depth('main').inFlight).toBe(1);
  });

  it('stops at once while it waits for messages', async ({ onTestFinished }) => {
    const { mapping } = await start(onTestFinished, () => success());
    await delay(100);
    const startMs = Date.now();
    await mapping.stop();
    expect(Date.now() - startMs).toBeLessThan(3000);
  });
});
