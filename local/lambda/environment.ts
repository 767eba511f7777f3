import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { exited, timedOut } from './error-documents.ts';
import type { InvokeResult } from './invoke-result.ts';
import { type Invocation, openRuntimeApi, type RuntimeApi } from './runtime-api.ts';

export interface EnvironmentOptions {
  /** The compiled bootstrap. */
  readonly bootstrapPath: string;
  readonly functionArn: string;
  /** Its working folder. */
  readonly taskRoot: string;
  /** Made at start, removed at the end. */
  readonly temporaryDir: string;
  /** All that the process sees, given the address of its Runtime API. */
  variables(runtimeApi: string): Readonly<Record<string, string>>;
  /** A line that the function printed. */
  onOutput(line: string): void;
  /** It asks for work. */
  onIdle(environment: ExecutionEnvironment): void;
}

/** How a start went. */
export type InitOutcome =
  | { readonly kind: 'ready'; readonly durationMs: number }
  | { readonly kind: 'error'; readonly payload: string }
  | { readonly kind: 'timeout' };

interface Running {
  readonly requestId: string;
  settle(result: InvokeResult): void;
}

/**
 * One execution environment: a process of its own, one invocation at a time. It ends when it is stopped,
 * when an invocation takes too long, or when its process dies; it never runs again after that.
 */
export class ExecutionEnvironment {
  readonly #options: EnvironmentOptions;
  readonly #startedAt = performance.now();
  readonly #ended = Promise.withResolvers<void>();
  readonly #init = Promise.withResolvers<InitOutcome>();
  #runtimeApi: RuntimeApi | undefined;
  #process: ChildProcess | undefined;
  #running: Running | undefined;
  #isAlive = true;

  constructor(options: EnvironmentOptions) {
    this.#options = options;
  }

  /** Whether it can still take invocations. */
  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Settles when the process is gone and its temp disk removed. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /**
   * Starts the process and waits until it asks for work.
   * @param limitMs after which it is killed
   */
  async start(limitMs: number): Promise<InitOutcome> {
    const timer = setTimeout(() => {
      this.#init.resolve({ kind: 'timeout' });
      void this.stop();
    }, limitMs);
    await this.#launch().catch((error: Error) => {
      this.#options.onOutput(`the environment did not start: ${error.message}`);
      this.#onExit(1, null);
    });
    const outcome = await this.#init.promise;
    clearTimeout(timer);
    return outcome;
  }

  /** Runs one invocation; the environment must be idle. A timeout or a dead process ends it. */
  run(invocation: Invocation, timeoutMs: number): Promise<InvokeResult> {
    const { requestId } = invocation;
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#settle({ kind: 'error', payload: timedOut(requestId, timeoutMs) });
        void this.stop();
      }, timeoutMs);
      this.#running = {
        requestId,
        settle: (result) => {
          clearTimeout(timer);
          resolve(result);
        },
      };
      this.#runtimeApi?.deliver(invocation, this.#options.functionArn, Date.now() + timeoutMs);
    });
  }

  /** Kills the process: as on Lambda without extensions, nothing is asked of it first. */
  stop(): Promise<void> {
    this.#isAlive = false;
    const child = this.#process;
    if (child?.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      killGroup(child.pid);
    }
    return this.ended;
  }

  async #launch(): Promise<void> {
    await mkdir(this.#options.temporaryDir, { recursive: true });
    this.#runtimeApi = await openRuntimeApi({
      onNext: () => this.#onNext(),
      onResult: (requestId, result) => {
        if (this.#running?.requestId === requestId) this.#settle(result);
      },
      onInitError: (payload) => this.#init.resolve({ kind: 'error', payload }),
    });
    // It may have been stopped in the meantime.
    if (this.#isAlive) this.#process = this.#spawn(this.#runtimeApi.address);
    else this.#onExit(null, 'SIGKILL');
  }

  #spawn(runtimeApi: string): ChildProcess {
    const { bootstrapPath, taskRoot, variables, onOutput } = this.#options;
    const child = spawn(process.execPath, [bootstrapPath], {
      cwd: taskRoot,
      env: variables(runtimeApi),
      stdio: ['ignore', 'pipe', 'pipe'],
      // A process group of its own: Ctrl-C in the terminal is for the laptop cloud, which then stops its
      // environments itself; and what a handler started goes with it.
      detached: true,
    });
    for (const output of [child.stdout, child.stderr]) {
      createInterface({ input: output }).on('line', onOutput);
    }
    child.once('error', () => this.#onExit(1, null));
    child.once('exit', (code, signal) => this.#onExit(code, signal));
    return child;
  }

  #onNext(): void {
    this.#init.resolve({ kind: 'ready', durationMs: performance.now() - this.#startedAt });
    if (this.#isAlive) this.#options.onIdle(this);
  }

  #onExit(code: number | null, signal: NodeJS.Signals | null): void {
    this.#isAlive = false;
    const requestId = this.#running?.requestId ?? 'none';
    const payload = exited(requestId, { code, signal });
    this.#init.resolve({ kind: 'error', payload });
    this.#settle({ kind: 'error', payload });
    this.#runtimeApi?.close();
    rm(this.#options.temporaryDir, { recursive: true, force: true })
      .catch(() => undefined)
      .finally(() => this.#ended.resolve());
  }

  #settle(result: InvokeResult): void {
    const running = this.#running;
    this.#running = undefined;
    running?.settle(result);
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has just ended by itself.
  }
}
