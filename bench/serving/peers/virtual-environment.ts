import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { spawned } from '../../../test/interop/python.ts';

/**
 * The `bin` folder of a virtual environment of its own for a peer, with what requirements-<peer>.txt pins; made when it
 * is not there or another. Needs Python 3.11 with its `venv` as `python3`, and PyPI the first time.
 */
export async function virtualEnvironment(peer: string): Promise<string> {
  const requirements = fileURLToPath(new URL(`requirements-${peer}.txt`, import.meta.url));
  // Below the folder that .gitignore names.
  const folder = fileURLToPath(new URL(`../../../.venv/bench-${peer}`, import.meta.url));
  const bin = join(folder, 'bin');
  const installed = join(folder, 'requirements.txt');
  if ((await textOf(installed)) === (await textOf(requirements))) return bin;
  console.log(`making .venv/bench-${peer} (once)`);
  await run('python3', ['-m', 'venv', '--clear', folder]);
  await run(join(bin, 'python'), [
    '-m',
    'pip',
    'install',
    '--quiet',
    '--requirement',
    requirements,
  ]);
  // Last, so that an installation that broke off is made again.
  await copyFile(requirements, installed);
  return bin;
}

function textOf(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}

async function run(program: string, args: readonly string[]): Promise<void> {
  const code = await spawned(program, args);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with code ${code}`);
}
