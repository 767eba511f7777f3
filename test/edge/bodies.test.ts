import { gunzipSync, gzipSync, inflateSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { identityModel, intDivModel } from '../support/onnx-model.ts';
import { jsonOf, type Serving, startServing } from '../support/serving.ts';
import { get, infer, row } from './protocol-calls.ts';

let serving: Serving;

beforeAll(async () => {
  serving = await startServing();
  await serving.put('echo/1/model.onnx', identityModel('FP32', [-1, 4]));
  await serving.put('echo64/1/model.onnx', identityModel('INT64', [-1]));
  await serving.put('divide/1/model.onnx', intDivModel('INT32', [-1]));
});
afterAll(() => serving.close());

describe('a request that does not fit', () => {
  it.each([
    ['an unknown input', { ...row, name: 'z' }, 'inputs[0].name'],
    ['another datatype', { ...row, datatype: 'INT32' }, 'inputs[0].datatype'],
    ['another rank', { ...row, shape: [4] }, 'inputs[0].shape'],
    ['another size', { ...row, shape: [1, 3], data: [1, 2, 3] }, 'inputs[0].shape'],
    ['too few values', { ...row, data: [1, 2] }, 'inputs[0].data'],
    ['a word for a number', { ...row, data: [1, 2, 3, 'four'] }, 'inputs[0].data'],
  ])('with %s is refused with the field named', async (_what, input, field) => {
    const { status, document } = await infer(serving, 'echo', { inputs: [input] });
    expect(status).toBe(400);
    expect(Object(document).error.startsWith(field)).toBe(true);
  });

  it.each([
    ['not JSON', '{"inputs":['],
    ['no object', '[]'],
    ['nothing', ''],
    ['a deep nest', '['.repeat(100_000)],
  ])('of which the body is %s is refused', async (_what, body) => {
    const { status, document } = await infer(serving, 'echo', body);
    expect(status).toBe(400);
    expect(Object(document).error).toMatch(/^body/);
  });

  it('is told the models’, paths’ and methods’ own status', async () => {
    expect(await infer(serving, 'nothing', { inputs: [row] })).toMatchObject({
      status: 404,
      document: { error: 'model nothing is not found' },
    });
    expect(await get(serving, '/v2/nowhere')).toMatchObject({ status: 404 });
    const wrongMethod = await serving.call('GET', '/v2/models/echo/infer');
    expect(wrongMethod).toMatchObject({ statusCode: 405, headers: { allow: 'POST' } });
    expect(jsonOf(wrongMethod)).toMatchObject({
      error: 'method: expected POST for "/v2/models/echo/infer", got GET',
    });
  });

  it('is refused when its own timeout passes before the model can run', async () => {
    await serving.put('slow/1/model.onnx', identityModel('FP32', [-1, 4]));
    const body = { inputs: [row], parameters: { timeout: 1 } };
    expect(await infer(serving, 'slow', body)).toMatchObject({ status: 504 });
  });

  it('never leaves a stack, a path or a failure of the service’s own behind', async () => {
    const { document } = await infer(serving, 'divide', {
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
    expect(await infer(serving, 'echo', body, { 'content-encoding': 'gzip' })).toMatchObject({
      status: 200,
    });
    expect(await infer(serving, 'echo', body, { 'content-encoding': 'br' })).toMatchObject({
      status: 415,
    });
    expect(
      await infer(serving, 'echo', Buffer.from('no'), { 'content-encoding': 'gzip' }),
    ).toMatchObject({
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
    expect(await infer(serving, 'echo', bomb, { 'content-encoding': 'gzip' })).toMatchObject({
      status: 413,
    });
  });
});

describe('a response that Lambda could not carry', () => {
  it('is refused with what to do instead', async () => {
    const count = 400_000;
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
    const answer = await infer(serving, 'echo64', body, {
      'inference-header-content-length': `${header.length}`,
    });
    expect(answer.status).toBe(413);
    expect(Object(answer.document).error).toMatch(/^response: expected at most \d+ bytes/);
  });
});
