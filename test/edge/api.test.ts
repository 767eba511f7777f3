import { gunzipSync, gzipSync, inflateSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addConstant, identityModel, intDivModel } from '../support/onnx-model.ts';
import { jsonOf, type Serving, startServing } from '../support/serving.ts';

let serving: Serving;

beforeAll(async () => {
  serving = await startServing();
  await serving.put('echo/1/model.onnx', identityModel('FP32', [-1, 4]));
  await serving.put('echo/1/labels.txt', 'apple\npear\nplum\nquince\n');
  await serving.put('echo64/1/model.onnx', identityModel('INT64', [-1]));
  await serving.put('divide/1/model.onnx', intDivModel('INT32', [-1]));
  await serving.put('adds/3/model.onnx', addConstant('FP32', [-1], 3));
});
afterAll(() => serving.close());

const row = { name: 'x', datatype: 'FP32', shape: [1, 4], data: [1, 5, 10, 4] };

async function get(path: string) {
  const response = await serving.call('GET', path);
  return { status: response.statusCode, document: jsonOf(response) };
}

async function infer(model: string, body: unknown, headers: Record<string, string> = {}) {
  const response = await serving.call('POST', `/v2/models/${model}/infer`, { body, headers });
  return { status: response.statusCode, headers: response.headers, document: jsonOf(response) };
}

describe('the Open Inference Protocol', () => {
  it('tells of the server, and that it is live and ready', async () => {
    expect(await get('/v2')).toMatchObject({ status: 200, document: { name: 'pilotlight' } });
    expect(await get('/v2/')).toMatchObject({ status: 200 });
    expect(await get('/v2/health/live')).toEqual({ status: 200, document: { live: true } });
    expect(await get('/v2/health/ready')).toMatchObject({ status: 200, document: { ready: true } });
  });

  it('tells a model’s names, datatypes and shapes', async () => {
    const metadata = {
      name: 'echo',
      versions: ['1'],
      platform: 'onnx_onnxv1',
      inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 4] }],
      outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 4] }],
    };
    expect(await get('/v2/models/echo')).toEqual({ status: 200, document: metadata });
    expect(await get('/v2/models/echo/versions/1')).toEqual({ status: 200, document: metadata });
    expect(await get('/v2/models/echo/ready')).toEqual({
      status: 200,
      document: { name: 'echo', ready: true },
    });
    expect(await get('/v2/models/echo/config')).toMatchObject({
      status: 200,
      document: { max_batch_size: 32, input: [{ name: 'x', data_type: 'TYPE_FP32', dims: [4] }] },
    });
  });

  it('infers from JSON', async () => {
    expect(await infer('echo', { id: '42', inputs: [row] })).toMatchObject({
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
    expect(await infer('echo', { inputs: [row], outputs })).toMatchObject({
      document: {
        outputs: [{ datatype: 'BYTES', shape: [1, 2], data: ['10:2:plum', '5:1:pear'] }],
      },
    });
  });

  it('tells the first call, which loads, from the next, and where the time went', async () => {
    await serving.put('timed/1/model.onnx', identityModel('FP32', [-1, 4]));
    const first = await infer('timed', { inputs: [row] });
    expect(first.headers['server-timing']).toMatch(
      /^environment;desc="warm", cache;desc="miss", download;dur=[\d.]+, create;dur=[\d.]+, decode;dur=/,
    );
    const second = await infer('timed', { inputs: [row] });
    expect(second.headers['server-timing']).toMatch(/cache;desc="hit", decode;dur=.*run;dur=/);
  });

  it('counts what it did', async () => {
    await serving.put('counted/1/model.onnx', identityModel('FP32', [-1, 4]));
    await infer('counted', { inputs: [row] });
    await infer('counted', { inputs: [{ ...row, datatype: 'FP64' }] });
    const { document } = await get('/v2/models/counted/stats');
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
    expect(await get('/v2/models/nothing/stats')).toMatchObject({ status: 404 });
  });

  it('counts a run that calls share once, and the rows of each', async () => {
    await serving.put('shared/1/model.onnx', identityModel('FP32', [-1, 4]));
    await infer('shared', { inputs: [row] });
    await Promise.all([1, 2, 3, 4].map(() => infer('shared', { inputs: [row] })));
    const { document } = await get('/v2/models/shared/stats');
    const [{ inference_count: rows, execution_count: runs, inference_stats: stats }] =
      Object(document).model_stats;
    expect({ rows, calls: stats.success.count }).toEqual({ rows: 5, calls: 5 });
    // The first by itself; then one alone, and those that came while it ran together.
    expect(runs).toBe(3);
  });
});

describe('the OpenAPI document', () => {
  it('has a schema of its own for each model that is asked for', async () => {
    const { status, document } = await get('/openapi.json?model=echo&model=echo64');
    expect(status).toBe(200);
    expect(document).toMatchObject({
      openapi: '3.1.0',
      paths: { '/v2/models/echo/infer': expect.anything(), '/v2/health/live': expect.anything() },
      components: { schemas: { 'InferRequest.echo64': expect.anything() } },
    });
    expect((await get('/openapi.json?model=nothing')).status).toBe(404);
  });
});

describe('a request that does not fit', () => {
  it.each([
    ['an unknown input', { ...row, name: 'z' }, 'inputs[0].name'],
    ['another datatype', { ...row, datatype: 'INT32' }, 'inputs[0].datatype'],
    ['another rank', { ...row, shape: [4] }, 'inputs[0].shape'],
    ['another size', { ...row, shape: [1, 3], data: [1, 2, 3] }, 'inputs[0].shape'],
    ['too few values', { ...row, data: [1, 2] }, 'inputs[0].data'],
    ['a word for a number', { ...row, data: [1, 2, 3, 'four'] }, 'inputs[0].data'],
  ])('with %s is refused with the field named', async (_what, input, field) => {
    const { status, document } = await infer('echo', { inputs: [input] });
    expect(status).toBe(400);
    expect(Object(document).error.startsWith(field)).toBe(true);
  });

  it.each([
    ['not JSON', '{"inputs":['],
    ['no object', '[]'],
    ['nothing', ''],
    ['a deep nest', '['.repeat(100_000)],
  ])('of which the body is %s is refused', async (_what, body) => {
    const { status, document } = await infer('echo', body);
    expect(status).toBe(400);
    expect(Object(document).error).toMatch(/^body/);
  });

  it('is told the models’, paths’ and methods’ own status', async () => {
    expect(await infer('nothing', { inputs: [row] })).toMatchObject({
      status: 404,
      document: { error: 'model nothing is not found' },
    });
    expect(await get('/v2/nowhere')).toMatchObject({ status: 404 });
    const wrongMethod = await serving.call('GET', '/v2/models/echo/infer');
    expect(wrongMethod).toMatchObject({ statusCode: 405, headers: { allow: 'POST' } });
    expect(jsonOf(wrongMethod)).toMatchObject({
      error: 'method: expected POST for "/v2/models/echo/infer", got GET',
    });
  });

  it('is refused when its own timeout passes before the model can run', async () => {
    await serving.put('slow/1/model.onnx', identityModel('FP32', [-1, 4]));
    const body = { inputs: [row], parameters: { timeout: 1 } };
    expect(await infer('slow', body)).toMatchObject({ status: 504 });
  });

  it('never leaves a stack, a path or a failure of the service’s own behind', async () => {
    const { document } = await infer('divide', {
      inputs: [
        { name: 'a', datatype: 'INT32', shape: [2], data: [1, 2] },
        { name: 'b', datatype: 'INT32', shape: [3], data: [1, 2, 3] },
      ],
    });
    expect(Object(document).code).toBe('INVALID_REQUEST');
    expect(JSON.stringify(document)).not.toMatch(/ at |\.ts|\.cc|\//);
    expect(serving.failures.filter((thrown) => !Object(thrown).code)).toEqual([]);
  });
});

describe('content codings', () => {
  const many = { ...row, shape: [500, 4], data: Array.from({ length: 2000 }, (_, index) => index) };

  it('are taken off requests', async () => {
    const body = gzipSync(JSON.stringify({ inputs: [row] }));
    expect(await infer('echo', body, { 'content-encoding': 'gzip' })).toMatchObject({
      status: 200,
    });
    expect(await infer('echo', body, { 'content-encoding': 'br' })).toMatchObject({ status: 415 });
    expect(await infer('echo', Buffer.from('no'), { 'content-encoding': 'gzip' })).toMatchObject({
      status: 400,
    });
  });

  it('are put on responses for callers that ask', async () => {
    for (const [coding, decode] of [
      ['gzip', gunzipSync],
      ['deflate', inflateSync],
    ] as const) {
      const response = await serving.call('POST', '/v2/models/echo/infer', {
        body: { inputs: [many] },
        headers: { 'accept-encoding': coding },
      });
      expect(response.headers['content-encoding']).toBe(coding);
      const document = JSON.parse(decode(response.body as Uint8Array).toString());
      expect(document.outputs[0].data).toEqual(many.data);
    }
  });

  it('refuse a bomb', async () => {
    const bomb = gzipSync(Buffer.alloc(70 * 1024 * 1024));
    expect(await infer('echo', bomb, { 'content-encoding': 'gzip' })).toMatchObject({
      status: 413,
    });
  });
});

describe('a response that Lambda could not carry', () => {
  it('is refused with what to do instead', async () => {
    const count = 1_500_000;
    const header = JSON.stringify({
      inputs: [
        {
          name: 'x',
          datatype: 'INT64',
          shape: [count],
          parameters: { binary_data_size: count * 8 },
        },
      ],
    });
    const body = Buffer.concat([Buffer.from(header), Buffer.alloc(count * 8, 1)]);
    const answer = await infer('echo64', body, {
      'inference-header-content-length': `${header.length}`,
    });
    expect(answer.status).toBe(413);
    expect(Object(answer.document).error).toMatch(/^response: expected at most \d+ bytes/);
  });
});

describe('the repository extension', () => {
  it('lists what can be called, and what failed with its reason', async () => {
    await serving.put('bad/1/model.onnx', 'not a model');
    await get('/v2/models/bad');
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
