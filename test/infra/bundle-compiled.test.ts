import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bundleFunctions } from '../../infra/bundle.ts';
import { BundleFolder, runScript } from './bundling.ts';

let bundle: BundleFolder;

beforeEach(() => {
  bundle = new BundleFolder();
});
afterEach(() => bundle.remove());

/** Whether V8 takes what was compiled of a function's script for the script. */
function isAccepted(flags: readonly string[] = []): unknown {
  const script = bundle.scriptOf('api');
  return runScript(
    `import { readFileSync } from 'node:fs';
    import { Script } from 'node:vm';
    const cachedData = readFileSync(${JSON.stringify(script.replace(/js$/, 'compiled'))});
    const { cachedDataRejected } = new Script(readFileSync(${JSON.stringify(script)}, 'latin1'), { cachedData });
    process.stdout.write(JSON.stringify(!cachedDataRejected));`,
    {},
    flags,
  );
}

describe('bundles', () => {
  it('start with what V8 compiled of them for a call, and as well without it or with what is not it', async () => {
    bundle.write(`import { setFlagsFromString } from 'node:v8';
      const once = () => 'served';
      export const createHandler = () => {
        setFlagsFromString('--heap-growing-percent=400');
        return async () => once();
      };`);
    await bundleFunctions(bundle.folder, bundle.target);
    expect(bundle.call({})).toBe('served');
    expect(bundle.call({ PILOTLIGHT_COMPILE_TO: join(bundle.target, 'api') })).toBe('served');
    expect(isAccepted()).toBe(true);
    expect(bundle.call({})).toBe('served');
    // As Node of another version or with other flags would: V8 refuses it.
    expect(isAccepted(['--no-lazy'])).toBe(false);
    expect(bundle.call({}, ['--no-lazy'])).toBe('served');
    const compiled = bundle.scriptOf('api').replace(/js$/, 'compiled');
    for (const bytes of [
      Buffer.alloc(0),
      readFileSync(compiled).subarray(0, 100),
      Buffer.from('no code at all'),
    ]) {
      writeFileSync(compiled, bytes);
      expect(bundle.call({})).toBe('served');
    }
    await bundleFunctions(bundle.folder, bundle.target);
    expect(existsSync(compiled)).toBe(false);
  });

  it('have Node take its own compiled modules though Lambda exposes the collector', async () => {
    bundle.write(`import { cachedDataVersionTag } from 'node:v8';
      export const createHandler = () => async () => [cachedDataVersionTag(), typeof globalThis.gc];`);
    await bundleFunctions(bundle.folder, bundle.target);
    const [tag, collector] = Object(bundle.call({}, ['--expose-gc']));
    expect(bundle.call({})).toEqual([tag, 'undefined']);
    expect(collector).toBe('function');
  });
});
