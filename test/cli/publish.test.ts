import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { publishModel } from '../../cli/publish.ts';
import { listVersions } from '../../cli/versions.ts';
import { machineTarget } from '../../src/contract/target.ts';
import { addConstant, addExternal, denseModel, heavyModel } from '../support/onnx-model.ts';
import { countRequests, jsonOf, type Serving, startServing } from '../support/serving.ts';

let serving: Serving;
let folder: string;

beforeAll(async () => {
  serving = await startServing();
  folder = mkdtempSync(join(tmpdir(), 'pilotlight-cli-'));
});
afterAll(async () => {
  await serving.close();
  rmSync(folder, { recursive: true });
});

interface Source {
  readonly version?: string;
  readonly prepare?: boolean;
  readonly onUpload?: (path: string) => void;
}

function publish(model: string, source: string, options: Source = {}): Promise<string> {
  const { version, prepare = false, onUpload = () => undefined } = options;
  return publishModel(serving.client, {
    bucket: 'models',
    model,
    source: join(folder, source),
    version,
    prepare,
    onUpload,
  });
}

/** Writes a file of the source folder. */
function write(path: string, content: Uint8Array | string): void {
  mkdirSync(join(folder, path, '..'), { recursive: true });
  writeFileSync(join(folder, path), content);
}

/** What a model that adds to its input adds to one row of zeros. */
async function sumOf(model: string, columns = 1): Promise<unknown> {
  const input = { name: 'x', datatype: 'FP32', shape: [1, columns] };
  const response = await serving.call('POST', `/v2/models/${model}/infer`, {
    body: { inputs: [{ ...input, data: new Array<number>(columns).fill(0) }] },
  });
  const document = Object(jsonOf(response));
  return response.statusCode === 200 ? document.outputs[0].data : document.error;
}

async function keysOf(prefix: string): Promise<string[]> {
  const listing = await serving.client.send(
    new ListObjectsV2Command({ Bucket: 'models', Prefix: prefix }),
  );
  return (listing.Contents ?? []).map(({ Key = '' }) => Key.slice(prefix.length));
}

async function manifestOf(version: string): Promise<unknown> {
  const { Body } = await serving.client.send(
    new GetObjectCommand({ Bucket: 'models', Key: `${version}/manifest.json` }),
  );
  return JSON.parse((await Body?.transformToString()) ?? '');
}

const adds = (constant: number) => addConstant('FP32', [-1, 1], constant);

it('files go first, the model after them, the manifest last, and nothing else is left', async () => {
  write('ordered/model.onnx', adds(1));
  write('ordered/labels.txt', 'one\n');
  write('ordered/vocabulary/tokenizer.json', '{}');
  write('ordered/manifest.json', 'of another version');
  const order: string[] = [];
  serving.s3.setFaults({
    decide: ({ operation, key = '' }) => {
      if (operation === 'PutObject') order.push(key);
      return undefined;
    },
  });
  expect(await publish('ordered', 'ordered')).toBe('1');
  serving.s3.setFaults(undefined);
  expect(order.slice(-2)).toEqual(['ordered/1/model.onnx', 'ordered/1/manifest.json']);
  expect(await keysOf('ordered/1/')).toEqual([
    'labels.txt',
    'manifest.json',
    'model.onnx',
    'vocabulary/tokenizer.json',
  ]);
  expect(await sumOf('ordered')).toEqual([1]);
});

it('versions count up, and one that is there is not written again', async () => {
  write('counted.onnx', adds(1));
  expect(await publish('counted', 'counted.onnx')).toBe('1');
  expect(await publish('counted', 'counted.onnx', { version: '9' })).toBe('9');
  expect(await publish('counted', 'counted.onnx', { version: 'best' })).toBe('best');
  expect(await publish('counted', 'counted.onnx')).toBe('10');
  await expect(publish('counted', 'counted.onnx', { version: '9' })).rejects.toThrow(
    'version 9 of counted is there already',
  );
});

it('many that publish at once get a version each, and every one is whole', async () => {
  const constants = [1, 2, 3, 4, 5];
  for (const constant of constants) write(`crowd${constant}.onnx`, adds(constant));
  const versions = await Promise.all(
    constants.map((constant) => publish('crowd', `crowd${constant}.onnx`)),
  );
  expect([...versions].sort()).toEqual(['1', '2', '3', '4', '5']);
  for (const [index, version] of versions.entries()) {
    expect(await sumOf(`crowd/versions/${version}`)).toEqual([constants[index]]);
  }
});

it('of many that publish the same version one does, and the others are told', async () => {
  write('same.onnx', adds(1));
  const outcomes = await Promise.allSettled(
    [1, 2, 3, 4].map(() => publish('same', 'same.onnx', { version: '7' })),
  );
  expect(outcomes.map(({ status }) => status).sort()).toEqual([
    'fulfilled',
    'rejected',
    'rejected',
    'rejected',
  ]);
  expect(await keysOf('same/7/')).toEqual(['manifest.json', 'model.onnx']);
});

it('a version whose publisher died half-way is not served, and its number is not used again', async () => {
  write('died.onnx', adds(1));
  await serving.put('died/1/.publishing', 'somebody');
  await serving.put('died/1/labels.txt', 'half');
  expect(await sumOf('died')).toContain('expected <version>/model.onnx in its folder');
  expect(await publish('died', 'died.onnx')).toBe('2');
  expect(await listVersions(serving.client, 'models', 'died')).toEqual({
    taken: ['1', '2'],
    published: ['2'],
  });
  expect(await sumOf('died')).toEqual([1]);
});

it('a lost answer to the first write is not taken for another publisher', async () => {
  write('lost.onnx', adds(1));
  serving.s3.setFaults({ decide: ({ attempt }) => (attempt === 0 ? 'lostResponse' : undefined) });
  expect(await publish('lost', 'lost.onnx')).toBe('1');
  serving.s3.setFaults(undefined);
  expect(await keysOf('lost/1/')).toEqual(['manifest.json', 'model.onnx']);
});

it('a reader that calls all the while a version is published gets the old one or the new one', async () => {
  write('watched.onnx', adds(1));
  write('watched2/model.onnx', adds(2));
  write('watched2/extra.bin', Buffer.alloc(100_000));
  await publish('watched', 'watched.onnx');
  const answers = new Set<string>();
  let published = false;
  const publishing = publish('watched', 'watched2', { prepare: true }).then(() => {
    published = true;
  });
  while (!published) {
    serving.models.forget('watched');
    answers.add(JSON.stringify(await sumOf('watched')));
  }
  await publishing;
  serving.models.forget('watched');
  expect(await sumOf('watched')).toEqual([2]);
  expect([...answers].filter((answer) => answer !== '[1]' && answer !== '[2]')).toEqual([]);
  expect(answers).toContain('[1]');
});

it('the artefact that was prepared for this kind of machine is loaded, one for another is not', async () => {
  write('prepared.onnx', adds(3));
  await publish('prepared', 'prepared.onnx', { prepare: true });
  const artefact = `prepared/${machineTarget()}/model.onnx`;
  expect(await manifestOf('prepared/1')).toMatchObject({
    prepared: { [machineTarget()]: artefact },
  });
  const counts = countRequests(serving.s3);
  expect(await sumOf('prepared')).toEqual([3]);
  expect(counts.get(`GetObject prepared/1/${artefact}`)).toBe(1);
  expect(counts.has('GetObject prepared/1/model.onnx')).toBe(false);

  const manifest = Object(await manifestOf('prepared/1'));
  await serving.put(
    'prepared/1/manifest.json',
    JSON.stringify({ ...manifest, prepared: { 'linux-mips': artefact } }),
  );
  serving.models.forget('prepared');
  counts.clear();
  expect(await sumOf('prepared')).toEqual([3]);
  expect(counts.get('GetObject prepared/1/model.onnx')).toBe(1);
  expect(counts.has(`GetObject prepared/1/${artefact}`)).toBe(false);
  serving.s3.setFaults(undefined);
});

const constants = Array.from({ length: 1_000 }, (_, index) => index);

it('a model file brings the file that holds its weights, and a missing one is told before anything is sent', async () => {
  const { model, weights } = addExternal(constants, 'heavy.onnx.data');
  write('heavy/heavy.onnx', model);
  await expect(publish('heavy', 'heavy/heavy.onnx')).rejects.toThrow(
    'heavy.onnx.data: no such file',
  );
  expect(await keysOf('heavy/')).toEqual([]);
  write('heavy/heavy.onnx.data', weights);
  await publish('heavy', 'heavy/heavy.onnx');
  expect(await keysOf('heavy/1/')).toEqual(['heavy.onnx.data', 'manifest.json', 'model.onnx']);
  expect(await sumOf('heavy', constants.length)).toEqual(constants);
});

it('a prepared artefact has weights of its own beside it, and the others are not fetched', async () => {
  const { model, weights } = addExternal(constants, 'weights/part1');
  write('split/model.onnx', model);
  await expect(publish('split', 'split', { prepare: true })).rejects.toThrow(
    'model.onnx has weights in weights/part1, which is not in the folder',
  );
  write('split/weights/part1', weights);
  await publish('split', 'split', { prepare: true });
  const counts = countRequests(serving.s3);
  expect(await sumOf('split', constants.length)).toEqual(constants);
  serving.s3.setFaults(undefined);
  const prefix = `split/1/prepared/${machineTarget()}`;
  expect([...counts.keys()].filter((request) => request.startsWith('GetObject')).sort()).toEqual([
    'GetObject split/1/manifest.json',
    `GetObject ${prefix}/model.onnx`,
    `GetObject ${prefix}/model.onnx.data`,
  ]);
});

it('a prepared artefact has its weights beside it also where the source has not', async () => {
  write('whole.onnx', heavyModel(1));
  await publish('whole', 'whole.onnx', { prepare: true });
  const prefix = `prepared/${machineTarget()}/model.onnx`;
  expect(await keysOf('whole/1/')).toEqual([
    'manifest.json',
    'model.onnx',
    prefix,
    `${prefix}.data`,
  ]);
  const { files } = Object(await manifestOf('whole/1'));
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
  write('wide.onnx', bytes);
  await publish('wide', 'wide.onnx');
  const { files } = Object(await manifestOf('wide/1'));
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
  await serving.put('wide/1/model.onnx', damaged);
  const load = () => serving.call('POST', '/v2/repository/models/wide/load');
  expect(Object(jsonOf(await load())).error).toBe(
    "model wide version 1: model.onnx: the file's sha256 is not the one in its manifest",
  );
  await serving.put('wide/1/model.onnx', bytes);
  expect((await load()).statusCode).toBe(200);
});

it('weights of an artefact that were damaged or cut short are refused', async () => {
  write('hurt.onnx', heavyModel(1));
  await publish('hurt', 'hurt.onnx', { prepare: true });
  const path = `prepared/${machineTarget()}/model.onnx.data`;
  const { Body } = await serving.client.send(
    new GetObjectCommand({ Bucket: 'models', Key: `hurt/1/${path}` }),
  );
  const weights = (await Body?.transformToByteArray()) ?? new Uint8Array();
  const errorOf = async () => {
    serving.models.forget('hurt');
    const response = await serving.call('POST', '/v2/repository/models/hurt/load');
    return response.statusCode === 200 ? undefined : Object(jsonOf(response)).error;
  };
  const damaged = weights.slice();
  damaged[500_000] = 1;
  await serving.put(`hurt/1/${path}`, damaged);
  expect(await errorOf()).toBe(
    `model hurt version 1: ${path}: the file's sha256 is not the one in its manifest`,
  );
  await serving.put(`hurt/1/${path}`, weights.subarray(0, 500_000));
  expect(await errorOf()).toBe(
    `model hurt version 1: ${path}: expected ${weights.length} bytes as its manifest says, got 500000`,
  );
  await serving.put(`hurt/1/${path}`, weights);
  expect(await errorOf()).toBeUndefined();
});

it('weights outside of the model’s folder are refused', async () => {
  write('outside/model.onnx', addExternal([1], '../weights').model);
  write('weights', 'elsewhere');
  await expect(publish('outside', 'outside')).rejects.toThrow(
    'model.onnx has weights in ../weights, outside of its folder',
  );
});

it('links are followed, as in a folder that Hugging Face’s client wrote', async () => {
  write('blobs/1a2b', adds(6));
  mkdirSync(join(folder, 'snapshot'));
  symlinkSync(join(folder, 'blobs/1a2b'), join(folder, 'snapshot/model.onnx'));
  await publish('linked', 'snapshot');
  expect(await sumOf('linked')).toEqual([6]);
});

it('what is no model is refused with what was expected', async () => {
  mkdirSync(join(folder, 'empty'));
  await expect(publish('empty', 'empty')).rejects.toThrow('expected a model.onnx in this folder');
  await expect(publish('empty', 'nowhere')).rejects.toThrow('nowhere: no such file or folder');
  write('named.onnx', adds(1));
  await expect(publish('empty', 'named.onnx', { version: '../up' })).rejects.toThrow(
    'version: expected a name, got ../up',
  );
});
