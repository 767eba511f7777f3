import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { addConstant, heavyModel } from '../support/onnx-model.ts';
import { type CallOptions, jsonOf, type Serving, startServing } from '../support/serving.ts';
import { type SilentProxy, startSilentProxy } from '../support/silent-proxy.ts';

let serving: Serving;
let proxy: SilentProxy;

beforeEach(async () => {
  // The clock of the catalog and the cache, and of nothing else.
  vi.useFakeTimers({ toFake: ['performance'] });
  serving = await startServing({
    endpoint: async (url) => {
      proxy = await startSilentProxy(url);
      return proxy.url;
    },
  });
});
afterEach(async () => {
  vi.useRealTimers();
  await proxy.close();
  await serving.close();
});

const input = { name: 'x', datatype: 'FP32', shape: [1], data: [0] };

async function call(model: string, options: CallOptions = {}) {
  const startMs = Date.now();
  const response = await serving.call('POST', `/v2/models/${model}/infer`, {
    body: { inputs: [input] },
    ...options,
  });
  const { outputs, error, code } = Object(jsonOf(response));
  return {
    status: response.statusCode,
    constant: outputs?.[0].data[0],
    error,
    code,
    retryAfter: response.headers['retry-after'],
    elapsedMs: Date.now() - startMs,
  };
}

/** Lets so much time pass for the catalog and the cache. */
const letPass = (ms: number) => vi.advanceTimersByTime(ms);

it.each(['internalError', 'slowDown', 'resetBeforeAnswer'] as const)(
  'a model that is in memory serves on through %s of everything, and its successor is seen after it',
  async (fault) => {
    await serving.put('iris/1/model.onnx', addConstant('FP32', [-1], 1));
    expect((await call('iris')).constant).toBe(1);
    serving.s3.setFaults({ decide: () => fault });
    letPass(5_000);
    expect(await call('iris')).toMatchObject({ status: 200, constant: 1 });
    expect(serving.events).toContain('stale iris');
    serving.s3.setFaults(undefined);
    await serving.put('iris/2/model.onnx', addConstant('FP32', [-1], 2));
    letPass(5_000);
    expect(await call('iris')).toMatchObject({ status: 200, constant: 2 });
  },
);

it('a successor that cannot be fetched is tried again, and its predecessor serves meanwhile', async () => {
  await serving.put('iris/1/model.onnx', addConstant('FP32', [-1], 1));
  await call('iris');
  await serving.put('iris/2/model.onnx', addConstant('FP32', [-1], 2));
  serving.s3.setFaults({
    decide: ({ operation }) => (operation === 'GetObject' ? 'slowDown' : undefined),
  });
  await serving.models.refresh('iris');
  const meanwhile = await call('iris');
  expect(meanwhile).toMatchObject({ status: 200, constant: 1 });
  expect(meanwhile.elapsedMs).toBeLessThan(5_000);
  serving.s3.setFaults(undefined);
  let { constant } = await call('iris');
  // The load that began in the faults has a pause of its own to sit out.
  for (let more = 0; more < 5 && constant !== 2; more++) ({ constant } = await call('iris'));
  expect(constant).toBe(2);
  expect(serving.events.filter((event) => event === 'loaded iris 2')).toHaveLength(1);
});

it.each(['internalError', 'slowDown', 'resetBeforeAnswer'] as const)(
  'a model that was never read is UNAVAILABLE through %s of everything, for a second and not for ever',
  async (fault) => {
    await serving.put('iris/1/model.onnx', addConstant('FP32', [-1], 1));
    serving.s3.setFaults({ decide: () => fault });
    const refused = await call('iris');
    expect(refused).toMatchObject({
      status: 503,
      code: 'UNAVAILABLE',
      error: 'model iris: storage did not answer as expected',
      retryAfter: '1',
    });
    expect(refused.elapsedMs).toBeLessThan(10_000);
    serving.s3.setFaults(undefined);
    expect(await call('iris')).toMatchObject({ status: 200, constant: 1 });
  },
);

it('a download goes on through errors, resets in its middle and trickles', async () => {
  await serving.put('heavy/1/model.onnx', heavyModel(20));
  const rates = { internalError: 0.15, slowDown: 0.1, resetBeforeAnswer: 0.1, resetMidBody: 0.2 };
  serving.s3.setFaults({ seed: 5, rates: { ...rates, slowBody: 0.1 }, slowBodyMs: 2 });
  const loaded = await serving.call('GET', '/v2/models/heavy/ready');
  expect(loaded.statusCode).toBe(200);
  expect(Object.keys(serving.s3.faultCounts).length).toBeGreaterThan(1);
});

it('a repository that takes connections and says nothing costs a known model one call of two seconds', async () => {
  await serving.put('iris/1/model.onnx', addConstant('FP32', [-1], 1));
  await call('iris');
  proxy.fallSilent();
  letPass(5_000);
  const waiting = await call('iris');
  expect(waiting).toMatchObject({ status: 200, constant: 1 });
  expect(waiting.elapsedMs).toBeGreaterThan(1_500);
  expect(waiting.elapsedMs).toBeLessThan(5_000);
  const next = await call('iris');
  expect(next).toMatchObject({ status: 200, constant: 1 });
  expect(next.elapsedMs).toBeLessThan(1_000);
  expect(serving.events).toContain('stale iris');
});

it('a model that nobody can fetch for silence is DEADLINE_EXCEEDED before Lambda ends the call', async () => {
  await serving.put('iris/1/model.onnx', addConstant('FP32', [-1], 1));
  proxy.fallSilent();
  const late = await call('iris', { remainingMs: 1_500 });
  expect(late).toMatchObject({ status: 504, code: 'DEADLINE_EXCEEDED', retryAfter: '1' });
  expect(late.elapsedMs).toBeGreaterThanOrEqual(950);
  expect(late.elapsedMs).toBeLessThan(1_500);
  proxy.speak();
  letPass(5_000);
  expect(await call('iris', { remainingMs: 25_000 })).toMatchObject({ status: 200, constant: 1 });
});

it('a load that outlasts its call goes on, and serves the next one without another download', async () => {
  await serving.put('heavy/1/model.onnx', heavyModel(4));
  let downloads = 0;
  serving.s3.setFaults({
    slowBodyMs: 200,
    decide: ({ operation }) => {
      if (operation !== 'GetObject') return undefined;
      downloads += 1;
      return 'slowBody';
    },
  });
  const ready = (remainingMs: number) =>
    serving.call('GET', '/v2/models/heavy/ready', { remainingMs });
  const late = await ready(1_500);
  expect(late.statusCode).toBe(504);
  expect(jsonOf(late)).toMatchObject({
    error:
      'the answer did not come within the time that a call has; a model that was being loaded goes on loading, so try again',
  });
  expect(serving.failures).toHaveLength(1);
  expect((await ready(15_000)).statusCode).toBe(200);
  expect(downloads).toBe(1);
  expect(serving.events).toEqual(['loaded heavy 1']);
});
