import { describe, expect, it } from 'vitest';
import {
  defaultConfiguration,
  type ModelConfiguration,
  parseModelConfiguration,
} from '../../src/models/configuration.ts';
import type { RepositoryModel } from '../../src/models/repository.ts';
import { availableVersions, pin, selectVersion } from '../../src/models/selection.ts';

function model(...versions: string[]): RepositoryModel {
  return {
    model: 'iris',
    config: undefined,
    versions: versions.map((version) => ({
      version,
      files: [{ path: 'model.onnx', sizeBytes: 10, etag: `"${version}"` }],
    })),
  };
}

function configuration(document: Partial<ModelConfiguration> = {}): ModelConfiguration {
  return { ...defaultConfiguration, ...document };
}

function select(
  versions: string[],
  requested?: string,
  document: Partial<ModelConfiguration> = {},
  random = 0,
): string {
  return selectVersion(model(...versions), configuration(document), requested, () => random)
    .version;
}

describe('the version that a call gets', () => {
  it('is the highest number, compared as numbers', () => {
    expect(select(['1', '9', '10', '2'])).toBe('10');
  });

  it('is a number before any other name, and the only name where there is no number', () => {
    expect(select(['zeta', '3'])).toBe('3');
    expect(select(['zeta'])).toBe('zeta');
  });

  it('is the one that the call names, itself or by an alias', () => {
    expect(select(['1', '2', 'v2-int8'], 'v2-int8')).toBe('v2-int8');
    expect(select(['1', '2'], 'stable', { aliases: { stable: '1' } })).toBe('1');
  });

  it('is drawn by the traffic shares when the call names none', () => {
    const canary = { traffic: { '1': 90, '2': 10 } };
    expect(select(['1', '2'], undefined, canary, 0.89)).toBe('1');
    expect(select(['1', '2'], undefined, canary, 0.91)).toBe('2');
    expect(select(['1', '2'], '1', canary, 0.99)).toBe('1');
  });

  it('is refused with a list of what there is', () => {
    expect(() => select(['1', '2'], '7')).toThrow(
      'model iris has no version or alias 7; it has 2, 1',
    );
  });

  it('must be allowed by the version policy', () => {
    const latest = { versionPolicy: { latest: { numVersions: 2 } } };
    expect(select(['1', '2', '3'], '2', latest)).toBe('2');
    expect(() => select(['1', '2', '3'], '1', latest)).toThrow('it has 3, 2');
    const specific = { versionPolicy: { specific: { versions: ['1'] } } };
    expect(select(['1', '2', '3'], undefined, specific)).toBe('1');
  });

  it('is refused with what its alias points at, when that cannot be called', () => {
    const aliases = { stable: '9', held: '1' };
    expect(() => select(['1', '2'], 'stable', { aliases })).toThrow(
      'model iris: alias stable points at version 9, which cannot be called; it has 2, 1',
    );
    const latest = { aliases, versionPolicy: { latest: { numVersions: 1 } } };
    expect(() => select(['1', '2'], 'held', latest)).toThrow(
      'model iris: alias held points at version 1, which cannot be called; it has 2',
    );
  });

  it('is a version before it is an alias of the same name, and an alias of an alias is none', () => {
    const aliases = { '1': '2', stable: '2', best: 'stable' };
    expect(select(['1', '2'], '1', { aliases })).toBe('1');
    expect(() => select(['1', '2'], 'best', { aliases })).toThrow(
      'alias best points at version stable, which cannot be called',
    );
  });

  it.each(['constructor', '__proto__', 'toString'])('is not found by the name %s', (name) => {
    expect(() => select(['1'], name)).toThrow(`model iris has no version or alias ${name}`);
  });

  it('is drawn from the shares of what can be called; the others’ shares go to those', () => {
    const aliases = { stable: '2' };
    const traffic = { '9': 98, stable: 1, '1': 1 };
    const draw = (random: number) => select(['1', '2'], undefined, { aliases, traffic }, random);
    expect([0, 0.49, 0.51, 0.999].map(draw)).toEqual(['1', '1', '2', '2']);
  });

  it('is never one with a share of 0, whatever is drawn', () => {
    const traffic = { '1': 0, '2': 0.1, '3': 0 };
    const almostOne = 1 - Number.EPSILON / 2;
    for (const random of [0, 0.5, almostOne]) {
      expect(select(['1', '2', '3'], undefined, { traffic }, random)).toBe('2');
    }
  });

  it('is refused when no share of the traffic, or no version of the policy, can be called', () => {
    expect(() => select(['1', '2'], undefined, { traffic: { '7': 1, old: 2 } })).toThrow(
      'model iris: config.json: traffic: expected a version or alias that can be called, got 7, old; it has 2, 1',
    );
    const specific = { versionPolicy: { specific: { versions: ['7'] } } };
    expect(() => select(['1', '2'], undefined, specific)).toThrow(
      'model iris: config.json: versionPolicy: expected versions that there are, got 7; it has 1, 2',
    );
  });

  it('must hold a model file or a manifest, and the message tells what was found instead', () => {
    const misnamed: RepositoryModel = {
      model: 'iris',
      config: undefined,
      versions: [{ version: '1', files: [{ path: 'iris.onnx', sizeBytes: 1, etag: '"e"' }] }],
    };
    expect(availableVersions(misnamed, configuration())).toEqual([]);
    expect(() => selectVersion(misnamed, configuration(), undefined, Math.random)).toThrow(
      'model iris: expected <version>/model.onnx in its folder, got 1/iris.onnx',
    );
  });
});

describe('a pinned version', () => {
  const files = [
    { path: 'model.onnx', sizeBytes: 10, etag: '"a"' },
    { path: 'labels.txt', sizeBytes: 5, etag: '"b"' },
  ];

  it('has a fingerprint that follows every file, in whatever order they were listed', () => {
    const one = pin('iris', { version: '1', files });
    expect(pin('iris', { version: '1', files: files.toReversed() })).toEqual(one);
    const [first, second] = files;
    if (first === undefined || second === undefined) throw new Error('two files were given');
    const changed = pin('iris', { version: '1', files: [first, { ...second, etag: '"c"' }] });
    expect(changed.fingerprint).not.toBe(one.fingerprint);
  });

  it('is what its manifest says, once it has one', () => {
    const manifest = { path: 'manifest.json', sizeBytes: 50, etag: '"m"' };
    const one = pin('iris', { version: '1', files: [...files, manifest] });
    const other = pin('iris', { version: '1', files: [manifest] });
    expect(other.fingerprint).toBe(one.fingerprint);
  });
});

describe('a configuration', () => {
  it.each([
    ['not JSON', '{', 'model iris: config.json is not JSON'],
    ['an unknown field', '{"maxBatchsize":1}', 'model iris: config.json: maxBatchsize:'],
    ['a number of the wrong kind', '{"maxBatchSize":0}', 'model iris: config.json: maxBatchSize:'],
    ['shares that are all zero', '{"traffic":{"1":0}}', 'expected at least one share above 0'],
    ['an alias that is no name', '{"aliases":{"a/b":"1"}}', 'model iris: config.json: aliases'],
  ])('with %s is refused with the field named', async (_what, text, message) => {
    await expect(parseModelConfiguration('iris', text)).rejects.toThrow(message);
  });
});
