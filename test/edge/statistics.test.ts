import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addConstant, identityModel, intDivModel } from '../support/onnx-model.ts';
import { jsonOf, type Serving, startServing } from '../support/serving.ts';

const four = { name: 'x', datatype: 'FP32', shape: [4], data: [1, 2, 3, 4] };

let serving: Serving;

beforeAll(async () => {
  serving = await startServing();
  await serving.put('rows/1/model.onnx', addConstant('FP32', [-1, 2], 1));
  await serving.put('rows/2/model.onnx', addConstant('FP32', [-1, 2], 2));
  await serving.put('rows/config.json', '{"aliases":{"first":"1"}}');
  await serving.put('fixed/1/model.onnx', identityModel('FP32', [4]));
  await serving.put('divide/1/model.onnx', intDivModel('INT32', [-1]));
});
afterAll(() => serving.close());

function infer(path: string, inputs: unknown[]) {
  return serving.call('POST', `/v2/models/${path}/infer`, { body: { inputs } });
}

const rows = (count: number) => ({
  name: 'x',
  datatype: 'FP32',
  shape: [count, 2],
  data: new Array<number>(2 * count).fill(0),
});

async function statisticsOf(path: string): Promise<Record<string, unknown>[]> {
  const response = await serving.call('GET', `/v2/models/${path}`);
  expect(response.statusCode).toBe(200);
  return Object(jsonOf(response)).model_stats;
}

describe('statistics', () => {
  it('are empty for a model that was not called, and an error for one that is not there', async () => {
    expect(await statisticsOf('rows/stats')).toEqual([]);
    expect((await serving.call('GET', '/v2/models/nothing/stats')).statusCode).toBe(404);
    expect((await serving.call('GET', '/v2/models/rows/versions/7/stats')).statusCode).toBe(404);
  });

  it('count rows, runs, successes and failures of each version, with the time of each part', async () => {
    await infer('rows', [rows(3)]);
    await infer('rows', [rows(2)]);
    await infer('rows/versions/first', [rows(4)]);
    await infer('rows', [{ ...rows(1), shape: [1, 3] }]);
    const all = await statisticsOf('rows/stats');
    expect(all.map(({ name, version }) => `${name} ${version}`).sort()).toEqual([
      'rows 1',
      'rows 2',
    ]);
    const [second] = await statisticsOf('rows/versions/2/stats');
    expect(second).toMatchObject({
      name: 'rows',
      version: '2',
      last_inference: 1_700_000_000_000,
      inference_count: 5,
      execution_count: 2,
      inference_stats: {
        success: { count: 2 },
        fail: { count: 1 },
        queue: { count: 2 },
        compute_input: { count: 2 },
        compute_infer: { count: 2 },
        compute_output: { count: 2 },
        cache_hit: { count: 0, ns: 0 },
        cache_miss: { count: 0, ns: 0 },
      },
    });
    const parts = Object(second).inference_stats;
    expect(Number.isInteger(parts.compute_infer.ns)).toBe(true);
    expect(parts.compute_infer.ns).toBeGreaterThan(0);
    const sum = ['queue', 'compute_input', 'compute_infer', 'compute_output'].reduce(
      (total, part) => total + parts[part].ns,
      0,
    );
    expect(Math.abs(parts.success.ns - sum)).toBeLessThan(10);
  });

  it('of an alias are those of its version', async () => {
    const byAlias = await statisticsOf('rows/versions/first/stats');
    expect(byAlias).toMatchObject([{ version: '1', inference_count: 4, execution_count: 1 }]);
    expect(await statisticsOf('rows/versions/1/stats')).toEqual(byAlias);
  });

  it('count one row for a model whose first dimension is its own', async () => {
    await infer('fixed', [four]);
    expect(await statisticsOf('fixed/stats')).toMatchObject([{ inference_count: 1 }]);
  });

  it('count what a model itself refuses as a failure', async () => {
    const integers = { datatype: 'INT32', shape: [1] };
    const response = await infer('divide', [
      { name: 'a', ...integers, data: [1] },
      { name: 'b', ...integers, data: [0] },
    ]);
    expect(response.statusCode).toBe(400);
    expect(await statisticsOf('divide/stats')).toMatchObject([
      { execution_count: 0, inference_stats: { success: { count: 0 }, fail: { count: 1 } } },
    ]);
  });

  it('of all models are told together', async () => {
    const names = (await statisticsOf('stats')).map(({ name }) => name);
    expect(new Set(names)).toEqual(new Set(['rows', 'fixed', 'divide']));
  });
});

describe('a model whose name is a word of a path', () => {
  it.each(['stats', 'versions', 'infer', 'index'])('is called by it: %s', async (name) => {
    await serving.put(`${name}/1/model.onnx`, addConstant('FP32', [-1, 2], 1));
    expect((await infer(name, [rows(1)])).statusCode).toBe(200);
    expect((await infer(`${name}/versions/1`, [rows(1)])).statusCode).toBe(200);
    expect(await statisticsOf(`${name}/stats`)).toMatchObject([{ name, execution_count: 2 }]);
  });
});

describe('more calls at once than may wait for a model', () => {
  it('are told to come again in a second, and the others are answered', async () => {
    const burst = await Promise.all(Array.from({ length: 150 }, () => infer('fixed', [four])));
    const refused = burst.filter(({ statusCode }) => statusCode === 429);
    expect(refused.length).toBeGreaterThan(0);
    expect(burst.filter(({ statusCode }) => statusCode === 200)).toHaveLength(
      burst.length - refused.length,
    );
    for (const response of refused) {
      expect(response.headers['retry-after']).toBe('1');
      expect(jsonOf(response)).toEqual({
        error: 'expected at most 100 requests waiting for this model, got one more',
        code: 'TOO_MANY_REQUESTS',
      });
    }
  });
});

describe('every response', () => {
  it.each([
    ['GET', '/v2', 200],
    ['GET', '/v2/models/rows', 200],
    ['HEAD', '/v2/models/rows', 200],
    ['GET', '/v2/models/nothing', 404],
    ['DELETE', '/v2', 405],
    ['GET', '/nowhere', 404],
  ])('tells the request’s id: %s %s', async (method, path, status) => {
    const response = await serving.call(method, path, { requestId: 'JKJaXmPLvHcESHA=' });
    expect(response.statusCode).toBe(status);
    expect(response.headers['x-request-id']).toBe('JKJaXmPLvHcESHA=');
  });
});
