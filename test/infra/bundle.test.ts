import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bundleFunctions } from '../../infra/bundle.ts';
import { packageRoot } from '../../infra/paths.ts';
import { listFiles } from '../../infra/staging.ts';
import { BundleFolder } from './bundling.ts';

let bundle: BundleFolder;

beforeEach(() => {
  bundle = new BundleFolder();
});
afterEach(() => bundle.remove());

const onnxRuntimeDir = join(
  packageRoot,
  'node_modules/onnxruntime-node/bin/napi-v6/linux',
  process.arch,
);

describe('bundles', () => {
  it("hold ONNX Runtime's code, and load its binary from the folder that the environment names", async () => {
    bundle.write(`import { listSupportedBackends } from 'onnxruntime-node';
      export const createHandler = () => async () => listSupportedBackends().map(({ name }) => name);`);
    await bundleFunctions(bundle.folder, bundle.target);
    expect(bundle.call({ PILOTLIGHT_ONNXRUNTIME_DIR: onnxRuntimeDir })).toContain('cpu');
    expect(() => bundle.call({})).toThrow(
      'environment variable PILOTLIGHT_ONNXRUNTIME_DIR: expected the folder of onnxruntime_binding.node, got none',
    );
  });

  it('refuse a version of onnxruntime-node that loads its binary in another way', async () => {
    rmSync(join(bundle.folder, 'node_modules'));
    const fake = join(bundle.folder, 'node_modules/onnxruntime-node');
    mkdirSync(join(fake, 'dist'), { recursive: true });
    writeFileSync(join(fake, 'package.json'), '{"main": "dist/binding.js"}');
    writeFileSync(join(fake, 'dist/binding.js'), "exports.binding = require('./other.node');");
    bundle.write(`import 'onnxruntime-node'; export const createHandler = () => async () => 1;`);
    await expect(bundleFunctions(bundle.folder, bundle.target)).rejects.toThrow(
      'this version of onnxruntime-node does otherwise',
    );
  });

  it('start the thread that prepares pictures from a file of its own', async () => {
    const source = (path: string) => JSON.stringify(join(packageRoot, 'src', path));
    bundle.write(`import { createImageDecoder } from ${source('adapters/media/images.ts')};
      import { createPictureThread } from ${source('adapters/media/picture-thread.ts')};
      import * as v from 'valibot';
      import { imageSchema } from ${source('models/task/image.ts')};
      export const createHandler = () => async () => {
        const images = createImageDecoder();
        const thread = createPictureThread(images.load, 2);
        const png = await images.encodePng({ width: 2, height: 1, channels: 3, data: Uint8Array.of(0, 0, 0, 255, 0, 51) });
        for (let tries = 0; tries < 2_000; tries += 1) {
          const prepared = thread.prepare(png, v.parse(imageSchema, {}));
          if (prepared !== undefined) return [...(await prepared).values].map((value) => Math.round(value * 10));
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      };`);
    await bundleFunctions(bundle.folder, bundle.target);
    expect(bundle.call({ NODE_PATH: join(packageRoot, 'node_modules') })).toEqual([
      0, 10, 0, 0, 0, 2,
    ]);
  });

  it('wait for what making the handler awaits', async () => {
    bundle.write(
      `export const createHandler = async () => { const ready = await Promise.resolve('ready'); return async () => ready; };`,
    );
    await bundleFunctions(bundle.folder, bundle.target);
    expect(bundle.call({})).toBe('ready');
  });

  it('are the same bytes each time, and leave nothing of the time before', async () => {
    bundle.write(
      `export const createHandler = () => async () => (await import('csv-parse')).parse.name;`,
    );
    await bundleFunctions(bundle.folder, bundle.target);
    const contents = () =>
      listFiles(bundle.target).map((path) => [
        path,
        readFileSync(join(bundle.target, path), 'latin1'),
      ]);
    const first = contents();
    rmSync(bundle.target, { recursive: true });
    await bundleFunctions(bundle.folder, bundle.target);
    expect(contents()).toEqual(first);
    bundle.write('export const createHandler = () => async () => 1;');
    await bundleFunctions(bundle.folder, bundle.target);
    const fresh = join(bundle.folder, 'fresh');
    await bundleFunctions(bundle.folder, fresh);
    expect(listFiles(bundle.target)).toEqual(listFiles(fresh));
    expect(first.length).toBeGreaterThan(listFiles(fresh).length);
  });

  it('name lines of the sources in stacks where Node is asked to', async () => {
    bundle.write(`
      function explode(): never { throw new Error('bang'); }
      export const createHandler = () => async () => { try { explode(); } catch (error) { return (error as Error).stack; } };`);
    await bundleFunctions(bundle.folder, bundle.target);
    expect(bundle.call({}, ['--enable-source-maps'])).toMatch(/at explode \(.*api\/handler\.ts:2:/);
  });

  it('name functions in stacks, in lines short enough to print', async () => {
    bundle.write(`function explode(): never { throw new Error('bang'); }
      export const createHandler = () => async () => { try { explode(); } catch (error) { return (error as Error).stack; } };`);
    await bundleFunctions(bundle.folder, bundle.target);
    expect(bundle.call({})).toContain('at explode');
    const lines = readFileSync(bundle.scriptOf('api'), 'utf8').split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(1000);
  });
});
