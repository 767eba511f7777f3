import { describe, expect } from 'vitest';
import { openInvokeEndpoint } from '../../../local/lambda/invoke-endpoint.ts';
import { isRunning, it, until } from './harness.ts';

describe('injected faults', () => {
  it('are none until they are switched on', async ({ start }) => {
    const fn = await start();
    await fn.describe();
    expect(fn.lambda.faultCounts).toEqual({});
  });

  it('kill an environment in the middle of a call', async ({ start }) => {
    const fn = await start();
    await fn.describe();
    fn.lambda.setFaults({ seed: 1, rates: { kill: 1 }, maximumDelayMs: 50 });
    const error = await fn.fail({ do: 'sleep', ms: 60_000 });
    expect(error['errorType']).toBe('Runtime.ExitError');
    fn.lambda.setFaults(undefined);
    expect((await fn.describe()).calls).toBe(1);
    expect(fn.lambda.faultCounts).toEqual({ kill: 1 });
  });

  it('kill one that has fallen idle meanwhile', async ({ start }) => {
    const fn = await start();
    const { pid } = await fn.describe();
    fn.lambda.setFaults({ seed: 1, rates: { kill: 1 }, maximumDelayMs: 2000 });
    expect(await fn.succeed({ do: 'echo' })).toEqual({ do: 'echo' });
    await until(() => !isRunning(pid));
  });

  it('end a call before its time', async ({ start }) => {
    const fn = await start({ timeoutMs: 60_000 });
    fn.lambda.setFaults({ seed: 1, rates: { timeout: 1 }, maximumDelayMs: 50 });
    const error = await fn.fail({ do: 'sleep', ms: 60_000 });
    expect(error['errorType']).toBe('Sandbox.Timedout');
  });

  it('lose the answer of a call that was carried out', async ({ start }) => {
    const fn = await start();
    const { pid } = await fn.describe();
    fn.lambda.setFaults({ seed: 1, rates: { lostResponse: 1 } });
    const error = await fn.fail({ do: 'print', line: 'carried out' });
    expect(error['errorType']).toBe('Runtime.ExitError');
    await until(() => fn.lines.includes('carried out'));
    await until(() => !isRunning(pid));
  });

  it('throttle calls, which are not carried out', async ({ start }) => {
    const fn = await start();
    fn.lambda.setFaults({ seed: 1, rates: { throttle: 1 } });
    expect(await fn.invoke({ do: 'print', line: 'never' })).toEqual({ kind: 'throttled' });
    expect(fn.counts.started).toBe(0);
  });

  it('hit the same calls for the same seed, and only the functions that are named', async ({
    start,
  }) => {
    const fn = await start();
    const outcomes = async (seed: number) => {
      fn.lambda.setFaults({ seed, rates: { throttle: 0.5 }, functions: ['fn'] });
      const results: string[] = [];
      for (let call = 0; call < 20; call++) results.push((await fn.invoke({ do: 'echo' })).kind);
      return results;
    };
    const first = await outcomes(1);
    expect(new Set(first)).toEqual(new Set(['success', 'throttled']));
    expect(await outcomes(1)).toEqual(first);
    expect(await outcomes(2)).not.toEqual(first);
    fn.lambda.setFaults({ seed: 1, rates: { throttle: 1 }, functions: ['other'] });
    expect((await fn.invoke({ do: 'echo' })).kind).toBe('success');
  });

  it('are set and read over HTTP while the functions run', async ({ start, onTestFinished }) => {
    const fn = await start();
    const endpoint = await openInvokeEndpoint(fn.lambda, 0);
    onTestFinished(() => endpoint.close());
    const put = (plan: unknown) =>
      fetch(`${endpoint.url}/_pilotlight/faults`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(plan),
      });
    expect((await put({ seed: 1, rates: { throttle: 1 } })).status).toBe(200);
    expect((await fn.invoke({ do: 'echo' })).kind).toBe('throttled');
    expect(await (await put(null)).json()).toEqual({ plan: null, counts: { throttle: 1 } });
    const refused = await put({ seed: 1, rates: { explode: 1 } });
    expect(refused.status).toBe(400);
    expect(Object(await refused.json()).message).toContain('rates');
  });
});
