import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { listVersions } from '../../cli/versions.ts';
import { addConstant } from '../support/onnx-model.ts';
import { Publishing } from './publishing.ts';

let publishing: Publishing;

beforeAll(async () => {
  publishing = await Publishing.start();
});
afterAll(() => publishing.close());

const adds = (constant: number) => addConstant('FP32', [-1, 1], constant);

it('files go first, the model after them, the manifest last, and nothing else is left', async () => {
  publishing.write('ordered/model.onnx', adds(1));
  publishing.write('ordered/labels.txt', 'one\n');
  publishing.write('ordered/vocabulary/tokenizer.json', '{}');
  publishing.write('ordered/manifest.json', 'of another version');
  const order: string[] = [];
  publishing.serving.s3.setFaults({
    decide: ({ operation, key = '' }) => {
      if (operation === 'PutObject') order.push(key);
      return undefined;
    },
  });
  expect(await publishing.publish('ordered', 'ordered')).toBe('1');
  publishing.serving.s3.setFaults(undefined);
  expect(order.slice(-2)).toEqual(['ordered/1/model.onnx', 'ordered/1/manifest.json']);
  expect(await publishing.keysOf('ordered/1/')).toEqual([
    'labels.txt',
    'manifest.json',
    'model.onnx',
    'vocabulary/tokenizer.json',
  ]);
  expect(await publishing.sumOf('ordered')).toEqual([1]);
});

it('versions count up, and one that is there is not written again', async () => {
  publishing.write('counted.onnx', adds(1));
  expect(await publishing.publish('counted', 'counted.onnx')).toBe('1');
  expect(await publishing.publish('counted', 'counted.onnx', { version: '9' })).toBe('9');
  expect(await publishing.publish('counted', 'counted.onnx', { version: 'best' })).toBe('best');
  expect(await publishing.publish('counted', 'counted.onnx')).toBe('10');
  await expect(publishing.publish('counted', 'counted.onnx', { version: '9' })).rejects.toThrow(
    'version 9 of counted is there already',
  );
});

it('many that publish at once get a version each, and every one is whole', async () => {
  const constants = [1, 2, 3, 4, 5];
  for (const constant of constants) publishing.write(`crowd${constant}.onnx`, adds(constant));
  const versions = await Promise.all(
    constants.map((constant) => publishing.publish('crowd', `crowd${constant}.onnx`)),
  );
  expect([...versions].sort()).toEqual(['1', '2', '3', '4', '5']);
  for (const [index, version] of versions.entries()) {
    expect(await publishing.sumOf(`crowd/versions/${version}`)).toEqual([constants[index]]);
  }
});

it('of many that publish the same version one does, and the others are told', async () => {
  publishing.write('same.onnx', adds(1));
  const outcomes = await Promise.allSettled(
    [1, 2, 3, 4].map(() => publishing.publish('same', 'same.onnx', { version: '7' })),
  );
  expect(outcomes.map(({ status }) => status).sort()).toEqual([
    'fulfilled',
    'rejected',
    'rejected',
    'rejected',
  ]);
  expect(await publishing.keysOf('same/7/')).toEqual(['manifest.json', 'model.onnx']);
});

it('a version whose publisher died half-way is not served, and its number is not used again', async () => {
  publishing.write('died.onnx', adds(1));
  await publishing.serving.put('died/1/.publishing', 'somebody');
  await publishing.serving.put('died/1/labels.txt', 'half');
  expect(await publishing.sumOf('died')).toContain('expected <version>/model.onnx in its folder');
  expect(await publishing.publish('died', 'died.onnx')).toBe('2');
  expect(await listVersions(publishing.serving.client, 'models', 'died')).toEqual({
    taken: ['1', '2'],
    published: ['2'],
  });
  expect(await publishing.sumOf('died')).toEqual([1]);
});

it('a lost answer to the first write is not taken for another publisher', async () => {
  publishing.write('lost.onnx', adds(1));
  publishing.serving.s3.setFaults({
    decide: ({ attempt }) => (attempt === 0 ? 'lostResponse' : undefined),
  });
  expect(await publishing.publish('lost', 'lost.onnx')).toBe('1');
  publishing.serving.s3.setFaults(undefined);
  expect(await publishing.keysOf('lost/1/')).toEqual(['manifest.json', 'model.onnx']);
});

it('a reader that calls all the while a version is published gets the old one or the new one', async () => {
  publishing.write('watched.onnx', adds(1));
  publishing.write('watched2/model.onnx', adds(2));
  publishing.write('watched2/extra.bin', Buffer.alloc(100_000));
  await publishing.publish('watched', 'watched.onnx');
  const answers = new Set<string>();
  let published = false;
  const replacing = publishing.publish('watched', 'watched2', { prepare: true }).then(() => {
    published = true;
  });
  while (!published) {
    publishing.serving.models.forget('watched');
    answers.add(JSON.stringify(await publishing.sumOf('watched')));
  }
  await replacing;
  publishing.serving.models.forget('watched');
  expect(await publishing.sumOf('watched')).toEqual([2]);
  expect([...answers].filter((answer) => answer !== '[1]' && answer !== '[2]')).toEqual([]);
  expect(answers).toContain('[1]');
});

it('links are followed, as in a folder that Hugging Face’s client wrote', async () => {
  publishing.write('blobs/1a2b', adds(6));
  mkdirSync(join(publishing.folder, 'snapshot'));
  symlinkSync(
    join(publishing.folder, 'blobs/1a2b'),
    join(publishing.folder, 'snapshot/model.onnx'),
  );
  await publishing.publish('linked', 'snapshot');
  expect(await publishing.sumOf('linked')).toEqual([6]);
});

it('what is no model is refused with what was expected', async () => {
  mkdirSync(join(publishing.folder, 'empty'));
  await expect(publishing.publish('empty', 'empty')).rejects.toThrow(
    'expected a model.onnx in this folder',
  );
  await expect(publishing.publish('empty', 'nowhere')).rejects.toThrow(
    'nowhere: no such file or folder',
  );
  publishing.write('hollow.onnx', '');
  await expect(publishing.publish('empty', 'hollow.onnx')).rejects.toThrow(
    'hollow.onnx: expected a model, got no bytes',
  );
  publishing.write('folder/model.onnx/model.onnx', adds(1));
  await expect(publishing.publish('empty', 'folder')).rejects.toThrow(
    'expected a model.onnx in this folder, got none',
  );
  publishing.write('named.onnx', adds(1));
  await expect(publishing.publish('empty', 'named.onnx', { version: '../up' })).rejects.toThrow(
    'version: expected a name, got ../up',
  );
});

it('a file of a name that no manifest may hold is told before anything is sent', async () => {
  publishing.write('odd/model.onnx', adds(1));
  publishing.write('odd/labels\\old.txt', 'a');
  await expect(publishing.publish('odd', 'odd')).rejects.toThrow('rename the file');
  expect(await publishing.keysOf('odd/')).toEqual([]);
});

it('a folder that was copied out of a bucket with a claim in it is published without', async () => {
  publishing.write('copied/model.onnx', adds(3));
  publishing.write('copied/.publishing', 'somebody');
  await publishing.publish('copied', 'copied');
  expect(await publishing.keysOf('copied/1/')).toEqual(['manifest.json', 'model.onnx']);
  expect(await publishing.sumOf('copied')).toEqual([3]);
});
