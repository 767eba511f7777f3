import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleFunctions } from '../../infra/bundle.ts';
import { listFiles } from '../../infra/staging.ts';
import { compileFunctions } from '../../local/compile-functions.ts';
import { onnxRuntimeDir } from '../../local/paths.ts';

let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pilotlight-compiled-'));
  await bundleFunctions(undefined, folder);
}, 60_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('functions that are compiled ahead', () => {
  it('have beside each script what Node takes for it', async () => {
    await compileFunctions(folder, onnxRuntimeDir());
    const compiled = listFiles(folder).filter((path) => path.endsWith('.compiled'));
    expect(compiled.map((path) => path.split('/')[0])).toEqual(['api', 'plan', 'transform']);
    const check = `import { readFileSync } from 'node:fs';
      import { Script } from 'node:vm';
      const rejected = ${JSON.stringify(compiled)}.map((path) => {
        const source = readFileSync(path.replace(/compiled$/, 'js'), 'latin1');
        return new Script(source, { cachedData: readFileSync(path) }).cachedDataRejected;
      });
      console.log(JSON.stringify(rejected));`;
    const printed = execFileSync(process.execPath, ['--input-type=module', '-e', check], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect(JSON.parse(printed)).toEqual([false, false, false]);
  });

  it('are refused with what they said when a call of them fails', async () => {
    writeFileSync(
      join(folder, 'plan/handler.mjs'),
      `export const handler = async () => { throw new Error('no plan'); };`,
    );
    await expect(compileFunctions(folder, onnxRuntimeDir())).rejects.toThrow(/plan: .*no plan/s);
  });
});
