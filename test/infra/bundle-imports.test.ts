import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bundleFunctions } from '../../infra/bundle.ts';
import { BundleFolder } from './bundling.ts';

let bundle: BundleFolder;

beforeEach(() => {
  bundle = new BundleFolder();
});
afterEach(() => bundle.remove());

describe('bundles', () => {
  it("load of Node's own modules what is used, however they are imported", async () => {
    bundle.write(`import { request } from 'node:http';
      import fs, { readFileSync } from 'fs';
      import * as path from 'node:path';
      export const createHandler = () => async () => {
        const { Agent, default: http } = await import('node:http');
        return {
          same: http.request === request && new Agent().maxSockets > 0,
          files: fs.readFileSync === readFileSync && path.join('a', 'b') === 'a/b',
          undici: process.moduleLoadList.some((name) => name.includes('undici')),
        };
      };`);
    await bundleFunctions(bundle.folder, bundle.target);
    expect(bundle.call({})).toEqual({ same: true, files: true, undici: false });
  });

  it('leave what is imported lazily in a file of its own, which is read when it is needed', async () => {
    bundle.write(
      `export const createHandler = () => async () => typeof (await import('hyparquet')).parquetRead;`,
    );
    await bundleFunctions(bundle.folder, bundle.target);
    expect(readFileSync(bundle.scriptOf('api'), 'utf8').length).toBeLessThan(2000);
    expect(bundle.call({})).toBe('function');
  });

  it('of the product load nothing of tasks before a model has one: a function of tensors pays nothing for them', async () => {
    await bundleFunctions(undefined, bundle.target);
    const map: unknown = JSON.parse(readFileSync(`${bundle.scriptOf('api')}.map`, 'utf8'));
    const eager: string[] = Object(map).sources.map(String);
    expect(eager.some((source) => source.endsWith('src/inference/inference.ts'))).toBe(true);
    const ofTasks =
      /src\/tasks\/(?:image|audio|text|tabular)\/|sharp|tokenizers|csv-parse|hyparquet|decoder\/|libsamplerate/;
    expect(eager.filter((source) => ofTasks.test(source))).toEqual([]);
  }, 60_000);

  it('share what is imported lazily and at once: it is there a single time', async () => {
    writeFileSync(join(bundle.folder, 'counter.ts'), 'export const counter = { count: 0 };');
    writeFileSync(
      join(bundle.folder, 'late.ts'),
      `import { counter } from './counter.ts'; export const increase = () => (counter.count += 1);`,
    );
    bundle.write(`import { counter } from '../counter.ts';
      export const createHandler = () => async () => {
        const { increase } = await import('../late.ts');
        (await import('../late.ts')).increase();
        increase();
        return counter.count;
      };`);
    await bundleFunctions(bundle.folder, bundle.target);
    expect(bundle.call({})).toBe(2);
  });

  it('say each time why what is imported lazily cannot be there', async () => {
    writeFileSync(
      join(bundle.folder, 'late.ts'),
      `if (process.env['MISSING'] !== undefined) throw new Error('a library is missing'); export const late = 'there';`,
    );
    bundle.write(`const load = async () => (await import('../late.ts')).late;
      export const createHandler = () => async () => {
        const first = await load().catch(String);
        const second = await load().catch(String);
        delete process.env['MISSING'];
        return [first, second, await load()];
      };`);
    await bundleFunctions(bundle.folder, bundle.target);
    const failure = 'Error: a library is missing';
    expect(bundle.call({ MISSING: 'yes' })).toEqual([failure, failure, 'there']);
  });
});
