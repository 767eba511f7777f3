import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A function's process, as the system sees it. */
export interface EnvironmentProcess {
  readonly pid: number;
  readonly residentMiB: number;
}

/** The execution environments that this process has started, by their bootstrap. */
export async function environmentProcesses(): Promise<EnvironmentProcess[]> {
  const { stdout } = await run('ps', ['-A', '-ww', '-o', 'pid=,ppid=,rss=,args=']);
  return stdout.split('\n').flatMap((line) => {
    const [, pid, parent, residentKiB, command = ''] =
      /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    if (Number(parent) !== process.pid || !command.includes('bootstrap.cjs')) return [];
    return [{ pid: Number(pid), residentMiB: Number(residentKiB) / 1024 }];
  });
}
