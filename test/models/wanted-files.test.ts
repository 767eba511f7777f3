import { expect, it } from 'vitest';
import { parseManifest } from '../../src/models/manifest.ts';
import { haveWeightsBeside, wantedFiles } from '../../src/models/wanted-files.ts';

const digest = 'a'.repeat(64);

function version(...paths: string[]) {
  return { version: '1', files: paths.map((path) => ({ path, sizeBytes: 1, etag: `"${path}"` })) };
}

function manifest(paths: readonly string[], prepared: Record<string, string> = {}) {
  const files = paths.map((path) => ({ path, sizeBytes: 1, sha256: digest }));
  return parseManifest('iris', JSON.stringify({ files, prepared }));
}

function wanted(...rest: Parameters<typeof wantedFiles> extends [string, ...infer R] ? R : never) {
  return wantedFiles('iris', ...rest).map(({ path }) => path);
}

it('a bare version is everything in its folder but what was prepared', () => {
  const folder = version('model.onnx', 'weights/a', 'prepared/linux-x64/model.onnx');
  expect(wanted(folder, undefined, undefined)).toEqual(['model.onnx', 'weights/a']);
});

it.each(['/model.onnx', 'a//b', '../up', 'a/../b', './a', 'a/.', 'a\\b', 'a\0b'])(
  'a bare version with a file named %j is refused',
  (path) => {
    expect(() => wanted(version('model.onnx', path), undefined, undefined)).toThrow(
      `iris: expected file names without empty or dotted parts, got ${JSON.stringify(path)}`,
    );
  },
);

it('names that a disk tells apart by nothing but their form are files of their own', () => {
  expect(wanted(version('gro\u0308\u00dfe', 'gr\u00f6\u00dfe'), undefined, undefined)).toEqual([
    'gro\u0308\u00dfe',
    'gr\u00f6\u00dfe',
  ]);
});

it.each([
  [['model.onnx', 'model.onnx/part'], 'model.onnx'],
  [['model.onnx', 'a/b/c', 'a/b'], 'a/b'],
])('%j cannot lie on a disk, and is refused', (paths, both) => {
  expect(() => wanted(version(...paths), undefined, undefined)).toThrow(
    `iris: expected ${both} to be a file or a folder, got both`,
  );
});

it('the artefact for this machine is fetched instead of model.onnx, those for others are not', () => {
  const paths = ['model.onnx', 'labels.txt', 'prepared/a/model.onnx', 'prepared/b/model.onnx'];
  const prepared = { a: 'prepared/a/model.onnx', b: 'prepared/b/model.onnx' };
  const listed = manifest(paths, prepared);
  const folder = version(...paths, 'not-in-the-manifest');
  expect(wanted(folder, listed, prepared.a)).toEqual(['labels.txt', 'prepared/a/model.onnx']);
  expect(wanted(folder, listed, undefined)).toEqual(['model.onnx', 'labels.txt']);
});

it.each([
  [['model.onnx', 'labels.txt', 'tokenizer.json'], 'model.onnx', false],
  [['model.onnx', 'model.onnx.data'], 'model.onnx', true],
  [['model.onnx', 'weights/layer 1'], 'model.onnx', true],
  [
    ['labels.txt', 'prepared/a/model.onnx', 'prepared/a/model.onnx.data'],
    'prepared/a/model.onnx',
    true,
  ],
  [['labels.txt', 'prepared/a/model.onnx'], 'prepared/a/model.onnx', false],
])('of %j, with %s as the model, others may hold weights: %s', (paths, model, expected) => {
  const files = wantedFiles('iris', version(...paths), undefined, undefined);
  const artefacts = paths.map((path) => ({ path, sizeBytes: 1, etag: '', digests: undefined }));
  expect(haveWeightsBeside(model === 'model.onnx' ? files : artefacts, model)).toBe(expected);
});

it('a manifest that promises what is not there, or of another size, is refused', () => {
  expect(() => wanted(version('model.onnx'), manifest(['model.onnx', 'x']), undefined)).toThrow(
    'iris: x: expected 1 bytes as its manifest says, got no such file',
  );
  const longer = { version: '1', files: [{ path: 'model.onnx', sizeBytes: 2, etag: '' }] };
  expect(() => wanted(longer, manifest(['model.onnx']), undefined)).toThrow(
    'iris: model.onnx: expected 1 bytes as its manifest says, got 2',
  );
});

it('a manifest without a model for this machine is refused', () => {
  const listed = manifest(['prepared/b/model.onnx'], { b: 'prepared/b/model.onnx' });
  expect(() => wanted(version('prepared/b/model.onnx'), listed, undefined)).toThrow(
    'iris: manifest.json: files: expected model.onnx, or an artefact prepared for this kind of machine',
  );
});

it('a manifest that lists a path twice, or prepares what it does not list, is refused', () => {
  expect(() => manifest(['model.onnx', 'model.onnx'])).toThrow(
    'iris: manifest.json: files: expected every path once',
  );
  expect(() => manifest(['model.onnx'], { a: 'prepared/a' })).toThrow(
    'iris: manifest.json: prepared.a: expected a path that files lists, got prepared/a',
  );
});
