import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { listen } from '../../../local/listen.ts';
import { type LoadRequest, post } from '../../http-load.ts';

/** A server in a process of its own, which nothing but `stop` ends. */
export interface ServerProcess {
  /** Without a slash at the end. */
  readonly url: string;
  stop(): Promise<void>;
}

const readyWithinMs = 120_000;
const closeWithinMs = 10_000;

/** A server of this folder, by its file's name: it prints its address, and ends when its input does. */
export async function startNodeServer(
  name: string,
  args: readonly string[],
): Promise<ServerProcess> {
  const script = fileURLToPath(new URL(`${name}.ts`, import.meta.url));
  const child = spawn(process.execPath, [script, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  });
  const lines = createInterface({ input: child.stdout });
  const [url] = await Promise.race([
    once(lines, 'line'),
    endOf(child).then(() => Promise.reject(new Error(`${name} ended before it listened`))),
  ]);
  return {
    url: String(url),
    stop: async () => {
      child.stdin.end();
      await Promise.race([endOf(child), sleep(closeWithinMs, undefined, { ref: false })]);
      await kill(child);
    },
  };
}

export interface ForeignServer {
  readonly command: string;
  /** Given a port that is free. */
  readonly args: (port: number) => readonly string[];
  readonly environment?: (port: number) => Readonly<Record<string, string>>;
  readonly directory?: string;
  /** What it answers with a 200 once it is ready. */
  readonly probe: (url: string) => LoadRequest;
}

/** Any other server: it is told its port, and is ready when it answers. */
export async function startForeignServer(server: ForeignServer): Promise<ServerProcess> {
  const port = await freePort();
  const child = spawn(server.command, server.args(port), {
    stdio: ['ignore', 'ignore', 'pipe'],
    // A group of its own, so that the workers that it starts end with it.
    detached: true,
    cwd: server.directory,
    env: { ...process.env, ...server.environment?.(port) },
  });
  let printed = '';
  child.stderr.on('data', (chunk: Buffer) => {
    printed = (printed + chunk.toString()).slice(-4_000);
  });
  const killNow = () => killGroup(child);
  process.once('exit', killNow);
  const started: ServerProcess = {
    url: `http://127.0.0.1:${port}`,
    stop: async () => {
      await kill(child);
      process.removeListener('exit', killNow);
    },
  };
  const deadline = performance.now() + readyWithinMs;
  for (;;) {
    const answer = await post(server.probe(started.url)).catch(() => undefined);
    if (answer?.statusCode === 200) return started;
    if (child.exitCode === null && performance.now() < deadline) {
      await sleep(200);
      continue;
    }
    await started.stop();
    throw new Error(
      `${server.command}: expected a 200, got ${answer?.statusCode ?? 'nothing'} ${answer?.body ?? ''}\n${printed}`,
    );
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server, 0);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function endOf(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

async function kill(child: ChildProcess): Promise<void> {
  killGroup(child);
  await endOf(child);
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // The whole group has ended by itself.
  }
}
