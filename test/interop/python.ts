import { spawn } from 'node:child_process';
import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const requirements = fileURLToPath(new URL('requirements.txt', import.meta.url));
/** Below the folder that .gitignore names. */
const environmentDir = fileURLToPath(new URL('../../.venv/interop', import.meta.url));
const installed = join(environmentDir, 'requirements.txt');

/**
 * The interpreter of a virtual environment that has requirements.txt installed, which is made when it is not there
 * or another. Needs Python 3.11 or newer with its `venv` as `python3`, and PyPI the first time.
 */
export async function pythonEnvironment(): Promise<string> {
  const python = join(environmentDir, 'bin', 'python');
  if ((await textOf(installed)) === (await textOf(requirements))) return python;
  console.log('making .venv/interop (once)');
  await run('python3', ['-m', 'venv', '--clear', environmentDir]);
  await run(python, ['-m', 'pip', 'install', '--quiet', '--requirement', requirements]);
  // Last, so that an installation that broke off is made again.
  await copyFile(requirements, installed);
  return python;
}

function textOf(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}

/** Runs a program, its output going to ours, and waits for its end. @returns the exit code */
export function spawned(program: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'] });
    child.once('error', (error) =>
      reject(new Error(`${program} did not start: ${error.message}`, { cause: error })),
    );
    child.once('exit', (code, signal) => resolve(code ?? (signal === null ? 1 : 128)));
  });
}

async function run(program: string, args: readonly string[]): Promise<void> {
  const code = await spawned(program, args);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with code ${code}`);
}
