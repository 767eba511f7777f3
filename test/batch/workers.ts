import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { environmentVariables } from '../../src/contract/environment.ts';

const script = fileURLToPath(new URL('worker.ts', import.meta.url));

const defaultTimeoutMs = 60_000;

/** Worker processes that are started anew when they die, as Lambda starts a new environment. */
export class Workers {
  readonly #environment: Readonly<Record<string, string>>;
  readonly #processes = new Set<ChildProcess>();
  /** How many ended by themselves or were killed. */
  deaths = 0;
  /** What they wrote to their standard error. */
  errors = '';
  #started = 0;
  #begun = 0;
  /** Pauses after which workers that begin an invocation are killed. */
  readonly #killsAfterMs: number[] = [];
  #stopped = false;

  constructor(environment: Readonly<Record<string, string>>, count = 1) {
    this.#environment = environment;
    for (let index = 0; index < count; index++) this.#start();
  }

  #start(): void {
    this.#started += 1;
    // A temp disk of its own, as every environment has: a process clears what it finds there when it starts.
    const cacheDir = join(
      this.#environment[environmentVariables.modelCacheDir] ?? '',
      String(this.#started),
    );
    const worker = spawn(process.execPath, [script], {
      env: {
        ...process.env,
        ...this.#environment,
        [environmentVariables.modelCacheDir]: cacheDir,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#processes.add(worker);
    this.#watch(worker);
    worker.stderr.on('data', (chunk: Buffer) => {
      this.errors += chunk.toString();
    });
    worker.once('exit', () => {
      this.#processes.delete(worker);
      if (this.#stopped) return;
      this.deaths += 1;
      this.#start();
    });
  }

  /** Ends a process whose invocation takes too long, as Lambda does. It works on one message of a queue at a time. */
  #watch(worker: ChildProcess): void {
    const timeoutMs = Number(this.#environment['WORKER_KILL_MS'] ?? defaultTimeoutMs);
    const running: { readonly timer: NodeJS.Timeout; readonly killAfterMs: number | undefined }[] =
      [];
    worker.stdout?.on('data', (chunk: Buffer) => {
      for (const word of chunk.toString().split('\n')) {
        if (word === 'begin') {
          const killAfterMs = this.#begun++ % 3 === 0 ? this.#killsAfterMs.shift() : undefined;
          const timer = setTimeout(() => worker.kill('SIGKILL'), killAfterMs ?? timeoutMs);
          running.push({ timer, killAfterMs });
        }
        if (word === 'end') {
          const ended = running.shift();
          clearTimeout(ended?.timer);
          // It was too short: another one is tried.
          if (ended?.killAfterMs !== undefined) this.#killsAfterMs.push(ended.killAfterMs);
        }
      }
    });
    worker.once('exit', () => {
      for (const { timer } of running) clearTimeout(timer);
    });
  }

  /** Kills whoever begins an invocation, every third time, so long after; one that ends before is spared for another. */
  killDuring(afterMs: readonly number[]): void {
    this.#killsAfterMs.push(...afterMs);
  }

  /** Kills one, whatever it is doing. */
  kill(): void {
    const [worker] = this.#processes;
    worker?.kill('SIGKILL');
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(
      [...this.#processes].map(
        (worker) =>
          new Promise<void>((resolve) => {
            worker.once('exit', () => resolve());
            worker.kill('SIGKILL');
          }),
      ),
    );
  }
}
