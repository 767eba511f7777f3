import { GetObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { moveAlias } from '../../cli/alias.ts';
import { addConstant } from '../support/onnx-model.ts';
import { jsonOf, type Serving, startServing } from '../support/serving.ts';

let serving: Serving;

beforeAll(async () => {
  serving = await startServing();
});
afterAll(() => serving.close());

/** Publishes bare versions 1 to `count`, of which each adds its own number. */
async function putVersions(model: string, count: number): Promise<void> {
  for (let version = 1; version <= count; version++) {
    await serving.put(`${model}/${version}/model.onnx`, addConstant('FP32', [-1], version));
  }
}

function move(model: string, alias: string, version: string): Promise<string | undefined> {
  return moveAlias(serving.client, { bucket: 'models', model, alias, version });
}

async function configurationOf(model: string): Promise<unknown> {
  const { Body } = await serving.client.send(
    new GetObjectCommand({ Bucket: 'models', Key: `${model}/config.json` }),
  );
  return JSON.parse((await Body?.transformToString()) ?? '');
}

async function constantOf(path: string): Promise<unknown> {
  const response = await serving.call('POST', `/v2/models/${path}/infer`, {
    body: { inputs: [{ name: 'x', datatype: 'FP32', shape: [1], data: [0] }] },
  });
  return Object(jsonOf(response)).outputs[0].data[0];
}

it('an alias is set, moved and moved back, and calls follow it', async () => {
  await putVersions('rolled', 2);
  const steps: unknown[] = [];
  for (const version of ['1', '2', '1']) {
    steps.push(await move('rolled', 'stable', version));
    serving.models.forget('rolled');
    steps.push(await constantOf('rolled/versions/stable'));
  }
  expect(steps).toEqual([undefined, 1, '1', 2, '2', 1]);
});

it('writers at the same moment all take effect, and everything else of the configuration stays', async () => {
  await putVersions('crowded', 3);
  await serving.put(
    'crowded/config.json',
    '\uFEFF{"maxBatchSize": 4, "aliases": {"old": "1"}, "traffic": {"3": 1}}',
  );
  const names = ['a', 'b', 'c', 'd', 'e', 'f'];
  await Promise.all(names.map((name, index) => move('crowded', name, `${(index % 3) + 1}`)));
  expect(await configurationOf('crowded')).toEqual({
    maxBatchSize: 4,
    traffic: { '3': 1 },
    aliases: { old: '1', a: '1', b: '2', c: '3', d: '1', e: '2', f: '3' },
  });
});

it('writers of a configuration that is not there yet all take effect too', async () => {
  await putVersions('fresh', 2);
  await Promise.all([move('fresh', 'blue', '1'), move('fresh', 'green', '2')]);
  expect(await configurationOf('fresh')).toEqual({ aliases: { blue: '1', green: '2' } });
});

it('a write whose answer was lost is repeated, to the same end', async () => {
  await putVersions('lossy', 2);
  await move('lossy', 'stable', '1');
  serving.s3.setFaults({ decide: ({ attempt }) => (attempt === 0 ? 'lostResponse' : undefined) });
  await move('lossy', 'stable', '2');
  serving.s3.setFaults(undefined);
  expect(await configurationOf('lossy')).toEqual({ aliases: { stable: '2' } });
});

it('a version that cannot be called is refused', async () => {
  await putVersions('strict', 1);
  await serving.put('strict/2/labels.txt', 'no model here\n');
  await expect(move('strict', 'stable', '2')).rejects.toThrow('strict has no version 2; it has 1');
  await expect(move('absent', 'stable', '1')).rejects.toThrow(
    'absent has no version 1; it has none',
  );
  await expect(move('strict', '../up', '1')).rejects.toThrow('alias: expected a name, got "../up"');
});

it('a configuration that is refused is told, and left as it is', async () => {
  await putVersions('broken', 1);
  await serving.put('broken/config.json', '{"maxBatchsize": 4}');
  await expect(move('broken', 'stable', '1')).rejects.toThrow(
    'model broken: config.json: maxBatchsize',
  );
  await serving.put('broken/config.json', '{');
  await expect(move('broken', 'stable', '1')).rejects.toThrow('config.json is not JSON');
});
