import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addConstant, identityModel } from '../support/onnx-model.ts';
import { jsonOf, type Serving, startServing } from '../support/serving.ts';
import { get, infer, row } from './protocol-calls.ts';

let serving: Serving;

beforeAll(async () => {
  serving = await startServing();
  await serving.put('echo/1/model.onnx', identityModel('FP32', [-1, 4]));
  await serving.put('echo/1/labels.txt', 'apple\npear\nplum\nquince\n');
  await serving.put('echo64/1/model.onnx', identityModel('INT64', [-1]));
  await serving.put('adds/3/model.onnx', addConstant('FP32', [-1], 3));
});
afterAll(() => serving.close());

describe('the Open Inference Protocol', () => {
  it('tells of the server, and that it is live and ready', async () => {
    expect(await get(serving, '/v2')).toMatchObject({
      status: 200,
      document: { name: 'pilotlight' },
    });
    expect(await get(serving, '/v2/')).toMatchObject({ status: 200 });
    expect(await get(serving, '/v2/health/live')).toEqual({
      status: 200,
      document: { live: true },
    });
    expect(await get(serving, '/v2/health/ready')).toMatchObject({
      status: 200,
      document: { ready: true },
    });
  });

  it.each(['/v2/models/echo', '/v2/models/nothing'])(
    'answers HEAD as GET, whose length the gateway tells: %s',
    async (path) => {
      const options = { requestId: 'JKJaXmPLvHcESHA=' };
      const got = await serving.call('GET', path, options);
      expect(got.body).not.toBe('');
      expect(await serving.call('HEAD', path, options)).toEqual(got);
    },
  );

  it('tells a model’s names, datatypes and shapes', async () => {
    const metadata = {
      name: 'echo',
      versions: ['1'],
      platform: 'onnx_onnxv1',
      inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 4] }],
      outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 4] }],
    };
    expect(await get(serving, '/v2/models/echo')).toEqual({ status: 200, document: metadata });
    expect(await get(serving, '/v2/models/echo/versions/1')).toEqual({
      status: 200,
      document: metadata,
    });
    expect(await get(serving, '/v2/models/echo/ready')).toEqual({
      status: 200,
      document: { name: 'echo', ready: true },
    });
    expect(await get(serving, '/v2/models/echo/config')).toMatchObject({
      status: 200,
      document: { max_batch_size: 32, input: [{ name: 'x', data_type: 'TYPE_FP32', dims: [4] }] },
    });
  });

  it('infers from JSON', async () => {
    expect(await infer(serving, 'echo', { id: '42', inputs: [row] })).toMatchObject({
      status: 200,
      document: {
        id: '42',
        model_name: 'echo',
        model_version: '1',
        outputs: [{ name: 'y', datatype: 'FP32', shape: [1, 4], data: [1, 5, 10, 4] }],
      },
    });
  });

  it('infers from binary tensors, and answers in binary when asked', async () => {
    const header = Buffer.from(
      JSON.stringify({
        inputs: [{ ...row, data: undefined, parameters: { binary_data_size: 16 } }],
        parameters: { binary_data_output: true },
      }),
    );
    const tensor = Buffer.from(Float32Array.of(1, -0, Number.NaN, Number.POSITIVE_INFINITY).buffer);
    const response = await serving.call('POST', '/v2/models/echo/infer', {
      body: Buffer.concat([header, tensor]),
      headers: {
        'content-type': 'application/octet-stream',
        'inference-header-content-length': `${header.length}`,
      },
    });
    expect(response.statusCode).toBe(200);
    const headerBytes = Number(response.headers['inference-header-content-length']);
    const body = Buffer.from(response.body as Uint8Array);
    expect(JSON.parse(body.subarray(0, headerBytes).toString())).toMatchObject({
      outputs: [{ name: 'y', parameters: { binary_data_size: 16 } }],
    });
    expect(body.subarray(headerBytes).equals(tensor)).toBe(true);
  });

  it('names the classes of the highest values', async () => {
    const outputs = [{ name: 'y', parameters: { classification: 2 } }];
    expect(await infer(serving, 'echo', { inputs: [row], outputs })).toMatchObject({
      document: {
        outputs: [{ datatype: 'BYTES', shape: [1, 2], data: ['10:2:plum', '5:1:pear'] }],
      },
    });
  });

  it('tells the first call, which loads, from the next, and where the time went', async () => {
    await serving.put('timed/1/model.onnx', identityModel('FP32', [-1, 4]));
    const first = await infer(serving, 'timed', { inputs: [row] });
    expect(first.headers['server-timing']).toMatch(
      /^environment;desc="warm", cache;desc="miss", download;dur=[\d.]+, create;dur=[\d.]+, decode;dur=/,
    );
    const second = await infer(serving, 'timed', { inputs: [row] });
    expect(second.headers['server-timing']).toMatch(/cache;desc="hit", decode;dur=.*run;dur=/);
  });

  it('counts what it did', async () => {
    await serving.put('counted/1/model.onnx', identityModel('FP32', [-1, 4]));
    await infer(serving, 'counted', { inputs: [row] });
    await infer(serving, 'counted', { inputs: [{ ...row, datatype: 'FP64' }] });
    const { document } = await get(serving, '/v2/models/counted/stats');
    expect(document).toMatchObject({
      model_stats: [
        {
          name: 'counted',
          version: '1',
          inference_count: 1,
          execution_count: 1,
          inference_stats: { success: { count: 1 }, fail: { count: 1 } },
        },
      ],
    });
    expect(await get(serving, '/v2/models/nothing/stats')).toMatchObject({ status: 404 });
  });

  it('counts a run that calls share once, and the rows of each', async () => {
    await serving.put('shared/1/model.onnx', identityModel('FP32', [-1, 4]));
    await infer(serving, 'shared', { inputs: [row] });
    await Promise.all([1, 2, 3, 4].map(() => infer(serving, 'shared', { inputs: [row] })));
    const { document } = await get(serving, '/v2/models/shared/stats');
    const [{ inference_count: rows, execution_count: runs, inference_stats: stats }] =
      Object(document).model_stats;
    expect({ rows, calls: stats.success.count }).toEqual({ rows: 5, calls: 5 });
    // The first by itself; then one alone, and those that came while it ran together.
    expect(runs).toBe(3);
  });
});

describe('the OpenAPI document', () => {
  it('has a schema of its own for each model that is asked for', async () => {
    const { status, document } = await get(serving, '/openapi.json?model=echo&model=echo64');
    expect(status).toBe(200);
    expect(document).toMatchObject({
      openapi: '3.1.0',
      paths: { '/v2/models/echo/infer': expect.anything(), '/v2/health/live': expect.anything() },
      components: { schemas: { 'InferRequest.echo64': expect.anything() } },
    });
    expect((await get(serving, '/openapi.json?model=nothing')).status).toBe(404);
  });
});

describe('the repository extension', () => {
  it('lists what can be called, and what failed with its reason', async () => {
    await serving.put('bad/1/model.onnx', 'not a model');
    await get(serving, '/v2/models/bad');
    const all = await serving.call('POST', '/v2/repository/index');
    expect(jsonOf(all)).toEqual(
      expect.arrayContaining([
        { name: 'adds', version: '3', state: 'READY', reason: '' },
        expect.objectContaining({
          name: 'bad',
          state: 'UNAVAILABLE',
          reason: expect.stringContaining('cannot load'),
        }),
      ]),
    );
    const ready = await serving.call('POST', '/v2/repository/index', { body: { ready: true } });
    expect(Object(jsonOf(ready)).some(({ name }: { name: string }) => name === 'bad')).toBe(false);
  });

  it('loads a model ahead of its first call, and unloads it', async () => {
    serving.events.length = 0;
    const load = await serving.call('POST', '/v2/repository/models/adds/load');
    expect(load.statusCode).toBe(200);
    const unload = await serving.call('POST', '/v2/repository/models/adds/unload');
    expect(unload.statusCode).toBe(200);
    expect(serving.events).toEqual(['loaded adds 3', 'released adds 3']);
    const missing = await serving.call('POST', '/v2/repository/models/nothing/load');
    expect(missing.statusCode).toBe(404);
  });

  it('refuses parameters that would replace what is in the bucket', async () => {
    const response = await serving.call('POST', '/v2/repository/models/adds/load', {
      body: { parameters: { config: '{}' } },
    });
    expect(response.statusCode).toBe(400);
  });
});
