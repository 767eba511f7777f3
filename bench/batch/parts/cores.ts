import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

/** `--shared`: what is measured and the servers share all cores, as reading and decoding beside a run want. */
const canPin =
  !process.argv.includes('--shared') &&
  process.platform === 'linux' &&
  availableParallelism() > 1 &&
  spawnSync('taskset', ['--version']).status === 0;

/** The servers' core, and the one of what is measured. */
export const serverCore = 0;
export const workerCore = 1;

/** Keeps this process, with the servers in it, off the core of what is measured, as S3 is not on a function's core. */
export function pinSelf(): void {
  if (canPin) spawnSync('taskset', ['-a', '-c', '-p', String(serverCore), String(process.pid)]);
}

/** A command on the core of what is measured, where the system can do that. */
export function pinned(command: string, args: readonly string[]): [string, string[]] {
  return canPin ? ['taskset', ['-c', String(workerCore), command, ...args]] : [command, [...args]];
}

/** Runs a script of this folder on the core of what is measured. @returns what it printed */
export function measure(script: string, args: readonly string[]): unknown {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const [command, all] = pinned(process.execPath, [path, ...args]);
  const result: SpawnSyncReturns<string> = spawnSync(command, all, {
    encoding: 'utf8',
    env: { ...process.env, ORT_DISABLE_TELEMETRY: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (result.status !== 0)
    throw new Error(`${script} ended with ${result.status ?? result.signal}`);
  return JSON.parse(result.stdout) as unknown;
}

const ticksPerSecond = 100;

/**
 * Processor time of a process so far, in milliseconds, where the system tells it (Linux): the figure that other work
 * on the machine does not change.
 */
export function cpuMsOf(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    const ticks = Number(fields[11]) + Number(fields[12]);
    return (ticks / ticksPerSecond) * 1_000;
  } catch {
    return Number.NaN;
  }
}
