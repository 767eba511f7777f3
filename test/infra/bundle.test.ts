import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bundleFunctions } from '../../infra/bundle.ts';
import { functionNames } from '../../infra/functions.ts';
import { packageRoot } from '../../infra/paths.ts';
import { listFiles } from '../../infra/staging.ts';

let folder: string;
let target: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pilotlight-bundle-'));
  target = join(folder, 'out');
  symlinkSync(join(packageRoot, 'node_modules'), join(folder, 'node_modules'));
  for (const name of functionNames) mkdirSync(join(folder, name));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Writes each function's source. */
function write(source: string): void {
  for (const name of functionNames) writeFileSync(join(folder, name, 'handler.ts'), source);
}

/** Runs a bundled handler in a process of its own; gives what it returned. */
function call(environment: Record<string, string>): unknown {
  const script = `const { handler } = await import(${JSON.stringify(join(target, 'api/handler.mjs'))});
    process.stdout.write(JSON.stringify(await handler()));`;
  return JSON.parse(
    execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      env: { PATH: process.env['PATH'], ORT_DISABLE_TELEMETRY: '1', ...environment },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );
}

const onnxRuntimeDir = join(
  packageRoot,
  'node_modules/onnxruntime-node/bin/napi-v6/linux',
  process.arch,
);

describe('bundles', () => {
  it("hold ONNX Runtime's code, and load its binary from the folder that the environment names", async () => {
    write(`import { listSupportedBackends } from 'onnxruntime-node';
      export const handler = async () => listSupportedBackends().map(({ name }) => name);`);
    await bundleFunctions(folder, target);
    expect(call({ PILOTLIGHT_ONNXRUNTIME_DIR: onnxRuntimeDir })).toContain('cpu');
    expect(() => call({})).toThrow(
      'environment variable PILOTLIGHT_ONNXRUNTIME_DIR: expected the folder of onnxruntime_binding.node, got none',
    );
  });

  it('refuse a version of onnxruntime-node that loads its binary in another way', async () => {
    rmSync(join(folder, 'node_modules'));
    const fake = join(folder, 'node_modules/onnxruntime-node');
    mkdirSync(join(fake, 'dist'), { recursive: true });
    writeFileSync(join(fake, 'package.json'), '{"main": "dist/binding.js"}');
    writeFileSync(join(fake, 'dist/binding.js'), "exports.binding = require('./other.node');");
    write(`import 'onnxruntime-node'; export const handler = async () => 1;`);
    await expect(bundleFunctions(folder, target)).rejects.toThrow(
      'this version of onnxruntime-node does otherwise',
    );
  });

  it('start the thread that prepares pictures from a file of its own', async () => {
    const source = (path: string) => JSON.stringify(join(packageRoot, 'src', path));
    write(`import { createImageDecoder } from ${source('adapters/media/images.ts')};
      import { createPictureThread } from ${source('adapters/media/picture-thread.ts')};
      import * as v from 'valibot';
      import { imageSchema } from ${source('models/task/image.ts')};
      export const handler = async () => {
        const images = createImageDecoder();
        const thread = createPictureThread(images.load, 2);
        const png = await images.encodePng({ width: 2, height: 1, channels: 3, data: Uint8Array.of(0, 0, 0, 255, 0, 51) });
        for (let tries = 0; tries < 2_000; tries += 1) {
          const prepared = thread.prepare(png, v.parse(imageSchema, {}));
          if (prepared !== undefined) return [...(await prepared).values].map((value) => Math.round(value * 10));
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      };`);
    await bundleFunctions(folder, target);
    expect(call({ NODE_PATH: join(packageRoot, 'node_modules') })).toEqual([0, 10, 0, 0, 0, 2]);
  });

  it("load of Node's own modules what is used, however they are imported", async () => {
    write(`import { request } from 'node:http';
      import fs, { readFileSync } from 'fs';
      import * as path from 'node:path';
      export const handler = async () => {
        const { Agent, default: http } = await import('node:http');
        return {
          same: http.request === request && new Agent().maxSockets > 0,
          files: fs.readFileSync === readFileSync && path.join('a', 'b') === 'a/b',
          undici: process.moduleLoadList.some((name) => name.includes('undici')),
        };
      };`);
    await bundleFunctions(folder, target);
    expect(call({})).toEqual({ same: true, files: true, undici: false });
  });

  it('wait for what a module awaits at its top', async () => {
    write(
      `const ready = await Promise.resolve('ready'); export const handler = async () => ready;`,
    );
    await bundleFunctions(folder, target);
    expect(call({})).toBe('ready');
  });

  it('leave what is imported lazily in a file of its own, which is read when it is needed', async () => {
    write(`export const handler = async () => typeof (await import('hyparquet')).parquetRead;`);
    await bundleFunctions(folder, target);
    const entry = readFileSync(join(target, 'api/handler.mjs'), 'utf8');
    expect(entry.length).toBeLessThan(2000);
    expect(call({})).toBe('function');
  });

  it('of the product load nothing of tasks before a model has one: a function of tensors pays nothing for them', async () => {
    await bundleFunctions(undefined, target);
    const sources = new Set<string>();
    const read = (path: string) => {
      const text = readFileSync(path, 'utf8');
      const map: unknown = JSON.parse(readFileSync(`${path}.map`, 'utf8'));
      for (const source of Object(map).sources) sources.add(String(source));
      for (const [, next = ''] of text.matchAll(/(?:from|import)\s?"(\.[^"]+\.mjs)"/g)) {
        const file = join(dirname(path), next);
        if (!seen.has(file)) read(seen.add(file) && file);
      }
    };
    const seen = new Set<string>();
    read(join(target, 'api/handler.mjs'));
    expect(seen.size).toBeGreaterThan(0);
    const eager = [...sources];
    expect(eager.some((source) => source.endsWith('src/inference/inference.ts'))).toBe(true);
    const ofTasks =
      /src\/tasks\/(?:image|audio|text|tabular)\/|sharp|tokenizers|csv-parse|hyparquet|decoder\/|libsamplerate/;
    expect(eager.filter((source) => ofTasks.test(source))).toEqual([]);
  }, 60_000);

  it('are the same bytes each time, and leave nothing of the time before', async () => {
    write(`export const handler = async () => (await import('csv-parse')).parse.name;`);
    await bundleFunctions(folder, target);
    const contents = () =>
      listFiles(target).map((path) => [path, readFileSync(join(target, path), 'latin1')]);
    const first = contents();
    rmSync(target, { recursive: true });
    await bundleFunctions(folder, target);
    expect(contents()).toEqual(first);
    write('export const handler = async () => 1;');
    await bundleFunctions(folder, target);
    const fresh = join(folder, 'fresh');
    await bundleFunctions(folder, fresh);
    expect(listFiles(target)).toEqual(listFiles(fresh));
    expect(first.length).toBeGreaterThan(listFiles(fresh).length);
  });

  it('name functions in stacks, in lines short enough to print', async () => {
    write(`function explode(): never { throw new Error('bang'); }
      export const handler = async () => { try { explode(); } catch (error) { return (error as Error).stack; } };`);
    await bundleFunctions(folder, target);
    expect(call({})).toContain('at explode');
    const lines = readFileSync(join(target, 'api/handler.mjs'), 'utf8').split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(1000);
  });
});
