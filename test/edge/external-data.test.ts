import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { addExternal } from '../support/onnx-model.ts';
import { jsonOf, type Serving, startServing } from '../support/serving.ts';

let serving: Serving;

beforeAll(async () => {
  serving = await startServing();
});
afterAll(() => serving.close());

const constants = Array.from({ length: 1_000 }, (_, index) => index);
const { model, weights } = addExternal(constants, 'model.onnx.data');

/** What the model adds to a row of zeros, or the status and the message of the error. */
async function sumOf(name: string): Promise<unknown> {
  const input = { name: 'x', datatype: 'FP32', shape: [1, 1_000] };
  const response = await serving.call('POST', `/v2/models/${name}/infer`, {
    body: { inputs: [{ ...input, data: new Array<number>(1_000).fill(0) }] },
  });
  const document = Object(jsonOf(response));
  return response.statusCode === 200
    ? document.outputs[0].data
    : `${response.statusCode} ${document.error}`;
}

function manifest(files: Readonly<Record<string, Uint8Array>>): string {
  return JSON.stringify({
    files: Object.entries(files).map(([path, bytes]) => ({
      path,
      sizeBytes: bytes.byteLength,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    })),
  });
}

it('a bare model with its weights beside it serves', async () => {
  await serving.put('bare/1/model.onnx.data', weights);
  await serving.put('bare/1/model.onnx', model);
  expect(await sumOf('bare')).toEqual(constants);
});

it('a manifest lists the weights as any other file', async () => {
  await serving.put('listed/1/model.onnx.data', weights);
  await serving.put('listed/1/model.onnx', model);
  await serving.put(
    'listed/1/manifest.json',
    manifest({ 'model.onnx': model, 'model.onnx.data': weights }),
  );
  expect(await sumOf('listed')).toEqual(constants);
});

it('weights in a folder of their own are found there', async () => {
  const nested = addExternal(constants, 'weights/part 1.bin');
  await serving.put('nested/1/weights/part 1.bin', nested.weights);
  await serving.put('nested/1/model.onnx', nested.model);
  expect(await sumOf('nested')).toEqual(constants);
});

it('weights that are missing are named, and serve once they are there', async () => {
  await serving.put('late/1/model.onnx', model);
  const missing =
    /^503 model late version 1: ONNX Runtime cannot load it: .*does not exist: "model.onnx.data"/;
  expect(await sumOf('late')).toMatch(missing);
  expect(await sumOf('late')).toMatch(missing);
  await serving.put('late/1/model.onnx.data', weights);
  serving.models.forget('late');
  expect(await sumOf('late')).toEqual(constants);
});

it('weights that are too short are refused, and serve once they are whole', async () => {
  await serving.put('short/1/model.onnx.data', weights.subarray(0, 1_000));
  await serving.put('short/1/model.onnx', model);
  expect(await sumOf('short')).toMatch(
    /^503 model short version 1: ONNX Runtime cannot load it: .*file_length: 1000 are out of bounds/,
  );
  await serving.put('short/1/model.onnx.data', weights);
  serving.models.forget('short');
  expect(await sumOf('short')).toEqual(constants);
});

it('weights that are not those of the manifest are refused, and serve once they are', async () => {
  const other = weights.slice();
  other[0] = 1;
  await serving.put('mixed/1/model.onnx.data', other);
  await serving.put('mixed/1/model.onnx', model);
  const listed = manifest({ 'model.onnx': model, 'model.onnx.data': weights });
  await serving.put('mixed/1/manifest.json', listed);
  expect(await sumOf('mixed')).toBe(
    "503 model mixed version 1: model.onnx.data: the file's sha256 is not the one in its manifest",
  );
  await serving.put('mixed/1/model.onnx.data', weights);
  const loading = await serving.call('POST', '/v2/repository/models/mixed/load');
  expect(loading.statusCode).toBe(200);
  expect(await sumOf('mixed')).toEqual(constants);
});

it('weights that the manifest does not list are not there', async () => {
  await serving.put('unlisted/1/model.onnx.data', weights);
  await serving.put('unlisted/1/model.onnx', model);
  await serving.put('unlisted/1/manifest.json', manifest({ 'model.onnx': model }));
  expect(await sumOf('unlisted')).toMatch(/does not exist: "model.onnx.data"/);
});

it.each(['../../escape', '/etc/hostname'])('weights at %s are out of reach', async (location) => {
  const name = location.replaceAll(/\W/g, '');
  await serving.put(`${name}/1/model.onnx`, addExternal(constants, location).model);
  const answer = await sumOf(name);
  expect(answer).toMatch(/^503 .*(escapes model directory|Absolute path not allowed)/);
  expect(answer).not.toContain('/tmp');
});
