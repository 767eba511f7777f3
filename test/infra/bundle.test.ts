import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

/** Where a function's own script is. */
function scriptOf(name: string): string {
  const [script = 'none'] = listFiles(join(target, name)).filter((path) => path.endsWith('.js'));
  return join(target, name, script);
}

/** Runs a bundled handler in a process of its own; gives what it returned. */
function call(environment: Record<string, string>, flags: readonly string[] = []): unknown {
  return run(
    `const { handler } = await import(${JSON.stringify(join(target, 'api/handler.mjs'))});
    process.stdout.write(JSON.stringify(await handler()));`,
    environment,
    flags,
  );
}

/** Runs a script in a process of its own; gives what it printed as JSON. */
function run(
  script: string,
  environment: Record<string, string>,
  flags: readonly string[],
): unknown {
  return JSON.parse(
    execFileSync(process.execPath, [...flags, '--input-type=module', '-e', script], {
      env: { PATH: process.env['PATH'], ORT_DISABLE_TELEMETRY: '1', ...environment },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );
}

/** Whether V8 takes what was compiled of a function's script for the script. */
function isAccepted(flags: readonly string[] = []): unknown {
  const script = scriptOf('api');
  return run(
    `import { readFileSync } from 'node:fs';
    import { Script } from 'node:vm';
    const cachedData = readFileSync(${JSON.stringify(script.replace(/js$/, 'compiled'))});
    const { cachedDataRejected } = new Script(readFileSync(${JSON.stringify(script)}, 'latin1'), { cachedData });
    process.stdout.write(JSON.stringify(!cachedDataRejected));`,
    {},
    flags,
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
      export const createHandler = () => async () => listSupportedBackends().map(({ name }) => name);`);
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
    write(`import 'onnxruntime-node'; export const createHandler = () => async () => 1;`);
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
    await bundleFunctions(folder, target);
    expect(call({ NODE_PATH: join(packageRoot, 'node_modules') })).toEqual([0, 10, 0, 0, 0, 2]);
  });

  it("load of Node's own modules what is used, however they are imported", async () => {
    write(`import { request } from 'node:http';
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
    await bundleFunctions(folder, target);
    expect(call({})).toEqual({ same: true, files: true, undici: false });
  });

  it('wait for what making the handler awaits', async () => {
    write(
      `export const createHandler = async () => { const ready = await Promise.resolve('ready'); return async () => ready; };`,
    );
    await bundleFunctions(folder, target);
    expect(call({})).toBe('ready');
  });

  it('leave what is imported lazily in a file of its own, which is read when it is needed', async () => {
    write(
      `export const createHandler = () => async () => typeof (await import('hyparquet')).parquetRead;`,
    );
    await bundleFunctions(folder, target);
    expect(readFileSync(scriptOf('api'), 'utf8').length).toBeLessThan(2000);
    expect(call({})).toBe('function');
  });

  it('of the product load nothing of tasks before a model has one: a function of tensors pays nothing for them', async () => {
    await bundleFunctions(undefined, target);
    const map: unknown = JSON.parse(readFileSync(`${scriptOf('api')}.map`, 'utf8'));
    const eager: string[] = Object(map).sources.map(String);
    expect(eager.some((source) => source.endsWith('src/inference/inference.ts'))).toBe(true);
    const ofTasks =
      /src\/tasks\/(?:image|audio|text|tabular)\/|sharp|tokenizers|csv-parse|hyparquet|decoder\/|libsamplerate/;
    expect(eager.filter((source) => ofTasks.test(source))).toEqual([]);
  }, 60_000);

  it('are the same bytes each time, and leave nothing of the time before', async () => {
    write(`export const createHandler = () => async () => (await import('csv-parse')).parse.name;`);
    await bundleFunctions(folder, target);
    const contents = () =>
      listFiles(target).map((path) => [path, readFileSync(join(target, path), 'latin1')]);
    const first = contents();
    rmSync(target, { recursive: true });
    await bundleFunctions(folder, target);
    expect(contents()).toEqual(first);
    write('export const createHandler = () => async () => 1;');
    await bundleFunctions(folder, target);
    const fresh = join(folder, 'fresh');
    await bundleFunctions(folder, fresh);
    expect(listFiles(target)).toEqual(listFiles(fresh));
    expect(first.length).toBeGreaterThan(listFiles(fresh).length);
  });

  it('start with what V8 compiled of them for a call, and as well without it or with what is not it', async () => {
    write(`import { setFlagsFromString } from 'node:v8';
      const once = () => 'served';
      export const createHandler = () => {
        setFlagsFromString('--heap-growing-percent=400');
        return async () => once();
      };`);
    await bundleFunctions(folder, target);
    expect(call({})).toBe('served');
    expect(call({ PILOTLIGHT_COMPILE_TO: join(target, 'api') })).toBe('served');
    expect(isAccepted()).toBe(true);
    expect(call({})).toBe('served');
    // As Node of another version or with other flags would: V8 refuses it.
    expect(isAccepted(['--no-lazy'])).toBe(false);
    expect(call({}, ['--no-lazy'])).toBe('served');
    const compiled = scriptOf('api').replace(/js$/, 'compiled');
    for (const bytes of [
      Buffer.alloc(0),
      readFileSync(compiled).subarray(0, 100),
      Buffer.from('no code at all'),
    ]) {
      writeFileSync(compiled, bytes);
      expect(call({})).toBe('served');
    }
    await bundleFunctions(folder, target);
    expect(existsSync(compiled)).toBe(false);
  });

  it('have Node take its own compiled modules though Lambda exposes the collector', async () => {
    write(`import { cachedDataVersionTag } from 'node:v8';
      export const createHandler = () => async () => [cachedDataVersionTag(), typeof globalThis.gc];`);
    await bundleFunctions(folder, target);
    const [tag, collector] = Object(call({}, ['--expose-gc']));
    expect(call({})).toEqual([tag, 'undefined']);
    expect(collector).toBe('function');
  });

  it('share what is imported lazily and at once: it is there a single time', async () => {
    writeFileSync(join(folder, 'counter.ts'), 'export const counter = { count: 0 };');
    writeFileSync(
      join(folder, 'late.ts'),
      `import { counter } from './counter.ts'; export const increase = () => (counter.count += 1);`,
    );
    write(`import { counter } from '../counter.ts';
      export const createHandler = () => async () => {
        const { increase } = await import('../late.ts');
        (await import('../late.ts')).increase();
        increase();
        return counter.count;
      };`);
    await bundleFunctions(folder, target);
    expect(call({})).toBe(2);
  });

  it('say each time why what is imported lazily cannot be there', async () => {
    writeFileSync(
      join(folder, 'late.ts'),
      `if (process.env['MISSING'] !== undefined) throw new Error('a library is missing'); export const late = 'there';`,
    );
    write(`const load = async () => (await import('../late.ts')).late;
      export const createHandler = () => async () => {
        const first = await load().catch(String);
        const second = await load().catch(String);
        delete process.env['MISSING'];
        return [first, second, await load()];
      };`);
    await bundleFunctions(folder, target);
    const failure = 'Error: a library is missing';
    expect(call({ MISSING: 'yes' })).toEqual([failure, failure, 'there']);
  });

  it('name lines of the sources in stacks where Node is asked to', async () => {
    write(`
      function explode(): never { throw new Error('bang'); }
      export const createHandler = () => async () => { try { explode(); } catch (error) { return (error as Error).stack; } };`);
    await bundleFunctions(folder, target);
    expect(call({}, ['--enable-source-maps'])).toMatch(/at explode \(.*api\/handler\.ts:2:/);
  });

  it('name functions in stacks, in lines short enough to print', async () => {
    write(`function explode(): never { throw new Error('bang'); }
      export const createHandler = () => async () => { try { explode(); } catch (error) { return (error as Error).stack; } };`);
    await bundleFunctions(folder, target);
    expect(call({})).toContain('at explode');
    const lines = readFileSync(scriptOf('api'), 'utf8').split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(1000);
  });
});
