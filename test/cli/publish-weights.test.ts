import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { machineTarget } from '../../src/contract/target.ts';
import { addConstant, addExternal, denseModel, heavyModel } from '../support/onnx-model.ts';
import { countRequests, jsonOf } from '../support/serving.ts';
import { Publishing } from './publishing.ts';

let publishing: Publishing;

beforeAll(async () => {
  publishing = await Publishing.start();
});
afterAll(() => publishing.close());

const constants = Array.from({ length: 1_000 }, (_, index) => index);

it('the artefact that was prepared for this kind of machine is loaded, one for another is not', async () => {
  publishing.write('prepared.onnx', addConstant('FP32', [-1, 1], 3));
  await publishing.publish('prepared', 'prepared.onnx', { prepare: true });
  const artefact = `prepared/${machineTarget()}/model.onnx`;
  expect(await publishing.manifestOf('prepared/1')).toMatchObject({
    prepared: { [machineTarget()]: artefact },
  });
  const counts = countRequests(publishing.serving.s3);
  expect(await publishing.sumOf('prepared')).toEqual([3]);
  expect(counts.get(`GetObject prepared/1/${artefact}`)).toBe(1);
  expect(counts.has('GetObject prepared/1/model.onnx')).toBe(false);

  const manifest = Object(await publishing.manifestOf('prepared/1'));
  await publishing.serving.put(
    'prepared/1/manifest.json',
    JSON.stringify({ ...manifest, prepared: { 'linux-mips': artefact } }),
  );
  publishing.serving.models.forget('prepared');
  counts.clear();
  expect(await publishing.sumOf('prepared')).toEqual([3]);
  expect(counts.get('GetObject prepared/1/model.onnx')).toBe(1);
  expect(counts.has(`GetObject prepared/1/${artefact}`)).toBe(false);
  publishing.serving.s3.setFaults(undefined);
});

it('a model file brings the file that holds its weights, and a missing one is told before anything is sent', async () => {
  const { model, weights } = addExternal(constants, 'heavy.onnx.data');
  publishing.write('heavy/heavy.onnx', model);
  await expect(publishing.publish('heavy', 'heavy/heavy.onnx')).rejects.toThrow(
    'heavy.onnx.data: no such file',
  );
  expect(await publishing.keysOf('heavy/')).toEqual([]);
  publishing.write('heavy/heavy.onnx.data', weights);
  await publishing.publish('heavy', 'heavy/heavy.onnx');
  expect(await publishing.keysOf('heavy/1/')).toEqual([
    'heavy.onnx.data',
    'manifest.json',
    'model.onnx',
  ]);
  expect(await publishing.sumOf('heavy', constants.length)).toEqual(constants);
});

it('a prepared artefact has weights of its own beside it, and the others are not fetched', async () => {
  const { model, weights } = addExternal(constants, 'weights/part1');
  publishing.write('split/model.onnx', model);
  await expect(publishing.publish('split', 'split', { prepare: true })).rejects.toThrow(
    'model.onnx has weights in weights/part1, which is not in the folder',
  );
  publishing.write('split/weights/part1', weights);
  await publishing.publish('split', 'split', { prepare: true });
  const counts = countRequests(publishing.serving.s3);
  expect(await publishing.sumOf('split', constants.length)).toEqual(constants);
  publishing.serving.s3.setFaults(undefined);
  const prefix = `split/1/prepared/${machineTarget()}`;
  expect([...counts.keys()].filter((request) => request.startsWith('GetObject')).sort()).toEqual([
    'GetObject split/1/manifest.json',
    `GetObject ${prefix}/model.onnx`,
    `GetObject ${prefix}/model.onnx.data`,
  ]);
});

it('a prepared artefact has its weights beside it also where the source has not', async () => {
  publishing.write('whole.onnx', heavyModel(1));
  await publishing.publish('whole', 'whole.onnx', { prepare: true });
  const prefix = `prepared/${machineTarget()}/model.onnx`;
  expect(await publishing.keysOf('whole/1/')).toEqual([
    'manifest.json',
    'model.onnx',
    prefix,
    `${prefix}.data`,
  ]);
  const { files } = Object(await publishing.manifestOf('whole/1'));
  const digests = files.map(({ path, sha256 }: { path: string; sha256: string }) => [path, sha256]);
  const hex = expect.stringMatching(/^[0-9a-f]{64}$/);
  expect(Object.fromEntries(digests)).toEqual({
    'model.onnx': hex,
    [prefix]: hex,
    [`${prefix}.data`]: hex,
  });
});

it('a file of more than 8 MiB has a digest for each of them, which its bytes are held against', async () => {
  const bytes = denseModel([1024, 2304]);
  publishing.write('wide.onnx', bytes);
  await publishing.publish('wide', 'wide.onnx');
  const { files } = Object(await publishing.manifestOf('wide/1'));
  const sizeBytes = 8 * 1024 * 1024;
  const hex = (part: Uint8Array) => createHash('sha256').update(part).digest('hex');
  expect(files).toEqual([
    {
      path: 'model.onnx',
      sizeBytes: bytes.byteLength,
      sha256: hex(bytes),
      chunks: {
        sizeBytes,
        sha256: [hex(bytes.subarray(0, sizeBytes)), hex(bytes.subarray(sizeBytes))],
      },
    },
  ]);
  const damaged = Buffer.from(bytes);
  damaged.writeUInt8(damaged.readUInt8(sizeBytes + 1000) ^ 1, sizeBytes + 1000);
  await publishing.serving.put('wide/1/model.onnx', damaged);
  const load = () => publishing.serving.call('POST', '/v2/repository/models/wide/load');
  expect(Object(jsonOf(await load())).error).toBe(
    "model wide version 1: model.onnx: the file's sha256 is not the one in its manifest",
  );
  await publishing.serving.put('wide/1/model.onnx', bytes);
  expect((await load()).statusCode).toBe(200);
});

it('weights of an artefact that were damaged or cut short are refused', async () => {
  publishing.write('hurt.onnx', heavyModel(1));
  await publishing.publish('hurt', 'hurt.onnx', { prepare: true });
  const path = `prepared/${machineTarget()}/model.onnx.data`;
  const weights = await publishing.read(`hurt/1/${path}`);
  const errorOf = async () => {
    publishing.serving.models.forget('hurt');
    const response = await publishing.serving.call('POST', '/v2/repository/models/hurt/load');
    return response.statusCode === 200 ? undefined : Object(jsonOf(response)).error;
  };
  const damaged = weights.slice();
  damaged[500_000] = 1;
  await publishing.serving.put(`hurt/1/${path}`, damaged);
  expect(await errorOf()).toBe(
    `model hurt version 1: ${path}: the file's sha256 is not the one in its manifest`,
  );
  await publishing.serving.put(`hurt/1/${path}`, weights.subarray(0, 500_000));
  expect(await errorOf()).toBe(
    `model hurt version 1: ${path}: expected ${weights.length} bytes as its manifest says, got 500000`,
  );
  await publishing.serving.put(`hurt/1/${path}`, weights);
  expect(await errorOf()).toBeUndefined();
});

it('weights outside of the model’s folder are refused', async () => {
  publishing.write('outside/model.onnx', addExternal([1], '../weights').model);
  publishing.write('weights', 'elsewhere');
  await expect(publishing.publish('outside', 'outside')).rejects.toThrow(
    'model.onnx has weights in ../weights, outside of its folder',
  );
});
