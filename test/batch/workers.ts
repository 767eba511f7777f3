import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('worker.ts', import.meta.url));

/** Worker processes that are started anew when they die, as Lambda starts a new environment. */
export class Workers {
  readonly #environment: Readonly<Record<string, string>>;
  readonly #processes = new Set<ChildProcess>();
  /** How many ended by themselves or were killed. */
  deaths = 0;
  /** What they wrote to their standard error. */
  errors = '';
  #stopped = false;

  constructor(environment: Readonly<Record<string, string>>, count = 1) {
    this.#environment = environment;
    for (let index = 0; index < count; index++) this.#start();
  }

  #start(): void {
    const worker = spawn(process.execPath, [script], {
      env: { ...process.env, ...this.#environment },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#processes.add(worker);
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
