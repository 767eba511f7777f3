import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addConstant, intDivModel } from '../support/onnx-model.ts';
import { type Serving, startServing } from '../support/serving.ts';

let serving: Serving;

beforeAll(async () => {
  serving = await startServing();
  await serving.put('default/1/model.onnx', addConstant('FP32', [-1, 2], 1));
  await serving.put('awkward/1/model.onnx', intDivModel('INT64', [-1], ['__proto__', 'b']));
  await serving.put('tens/1/model.onnx', addConstant('FP32', [-1, 2], 10));
});
afterAll(() => serving.close());

async function invoke(path: string, body: string | Uint8Array, headers: Record<string, string>) {
  const response = await serving.call('POST', path, { body, headers });
  return { ...response, text: Buffer.from(response.body as Uint8Array).toString() };
}

describe('SageMaker’s front door', () => {
  it('answers a ping once the default model can answer', async () => {
    expect((await serving.call('GET', '/ping')).statusCode).toBe(200);
  });

  it.each([
    ['application/json', '{"instances":[[1,2],[3,4]]}', '{"predictions":[[2,3],[4,5]]}'],
    ['text/csv', '1,2\n3,4\n', '2,3\n4,5\n'],
    ['application/jsonlines', '[1,2]\n[3,4]\n', '[2,3]\n[4,5]\n'],
  ])('answers %s in kind', async (contentType, body, answer) => {
    const response = await invoke('/invocations', body, { 'content-type': contentType });
    expect(response.text).toBe(answer);
    expect(response).toMatchObject({
      statusCode: 200,
      headers: { 'content-type': expect.stringContaining(contentType) },
    });
  });

  it('answers in another format when Accept asks for it', async () => {
    const response = await invoke('/invocations', '1,2\n', {
      'content-type': 'text/csv',
      accept: 'application/json',
    });
    expect(JSON.parse(response.text)).toEqual({ predictions: [[2, 3]] });
  });

  it('answers raw bytes in binary, or as JSON where Accept asks for that', async () => {
    const raw = Buffer.from(Float32Array.of(1, 2).buffer);
    const binary = { 'content-type': 'application/octet-stream' };
    const inKind = await invoke('/invocations', raw, binary);
    expect(inKind.headers).toMatchObject(binary);
    expect(inKind.text).toContain('"parameters":{"binary_data_size":8}');
    const asJson = await invoke('/invocations', raw, { ...binary, accept: 'application/json' });
    expect(asJson.headers).toMatchObject({ 'content-type': 'application/json' });
    expect(JSON.parse(asJson.text)).toMatchObject({ outputs: [{ name: 'y', data: [2, 3] }] });
  });

  it('calls the model that the path or SageMaker’s header names', async () => {
    const csv = { 'content-type': 'text/csv' };
    expect((await invoke('/models/tens/invocations', '1,2\n', csv)).text).toContain('11,12');
    const target = { ...csv, 'x-amzn-sagemaker-target-model': 'tens' };
    expect((await invoke('/invocations', '1,2\n', target)).text).toContain('11,12');
    const bad = { ...csv, 'x-amzn-sagemaker-target-model': '../tens' };
    expect((await invoke('/invocations', '1,2\n', bad)).statusCode).toBe(400);
  });

  it('refuses a content type that nobody can read, and an answer that cannot be given', async () => {
    const pdf = await invoke('/invocations', '%PDF', { 'content-type': 'application/pdf' });
    expect(pdf.statusCode).toBe(415);
    const accept = await invoke('/invocations', '1,2\n', {
      'content-type': 'text/csv',
      accept: 'image/png',
    });
    expect(accept.statusCode).toBe(406);
  });

  it.each([
    ['application/json', '{"instances":[{"__proto__":7,"b":2},{"__proto__":9,"b":3}]}', '[3,3]'],
    ['application/json', '{"inputs":{"__proto__":[7,9],"b":[2,3]}}', '[3,3]'],
    ['application/jsonlines', '{"__proto__":7,"b":2}\n{"__proto__":9,"b":3}\n', '3\n3'],
    ['text/csv; header=present', '__proto__,b\n7,2\n9,3\n', '3\n3'],
  ])('feeds an input called __proto__ from %s', async (contentType, body, answer) => {
    const path = '/models/awkward/invocations';
    const response = await invoke(path, body, { 'content-type': contentType });
    expect(response).toMatchObject({
      statusCode: 200,
      text: expect.stringContaining(answer) as unknown,
    });
    const missing = body.replaceAll('__proto__', 'c');
    const refusal = await invoke(path, missing, { 'content-type': contentType });
    expect(refusal.statusCode).toBe(400);
  });

  it('feeds an input called __proto__ from a request of the protocol', async () => {
    const tensor = (name: string, value: number) =>
      `{"name":"${name}","shape":[1],"datatype":"INT64","data":[${value}]}`;
    const body = `{"inputs":[${tensor('b', 2)},${tensor('__proto__', 7)}]}`;
    const response = await invoke('/v2/models/awkward/infer', body, {
      'content-type': 'application/json',
    });
    expect(JSON.parse(response.text)).toMatchObject({ outputs: [{ name: 'y', data: [3] }] });
    const metadata = await serving.call('GET', '/v2/models/awkward');
    expect(JSON.stringify(metadata.body)).toContain('__proto__');
  });
});
