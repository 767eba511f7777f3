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
  /** Invocations at a time: one on default Lambda, several on managed instances. */
  readonly concurrency: number;
  /** How long it is kept with nothing to do. */
  readonly idleTimeoutMs: number;
  /** All that the process sees, given the address of its Runtime API. */
  variables(runtimeApi: string): Readonly<Record<string, string>>;
  /** A line that the function printed. */
  onOutput(line: string): void;
  /** It asks for work. */
  onReady(): void;
}

/** How a start went. */
export type InitOutcome =
  | { readonly kind: 'ready' }
  | { readonly kind: 'error'; readonly payload: string }
  | { readonly kind: 'timeout' };

/** What waits for an invocation. */
interface Waiting {
  readonly resolve: (result: InvokeResult) => void;
  readonly timer: NodeJS.Timeout;
}

/**
 * One execution environment: a process of its own. It ends when it is stopped, when its process dies, when it has
 * been idle for long, and, unless it takes several invocations at a time, when one takes too long. It never runs
 * again after that.
 */
export class ExecutionEnvironment {
  readonly #options: EnvironmentOptions;
  readonly #startedAt = performance.now();
  readonly #ended = Promise.withResolvers<void>();
  readonly #init = Promise.withResolvers<InitOutcome>();
  /** Who waits for an invocation, by its request id. */
  readonly #waiting = new Map<string, Waiting>();
  /** What the process has been given and has not answered, also when nobody waits for it any more. */
  readonly #underWay = new Set<string>();
  #initDurationMs: number | undefined;
  #runtimeApi: RuntimeApi | undefined;
  #process: ChildProcess | undefined;
  #idleTimer: NodeJS.Timeout | undefined;
  #isAlive = true;
  #isReady = false;

  constructor(options: EnvironmentOptions) {
    this.#options = options;
  }

  /** Whether it has started and can still take invocations, now or later. */
  get isServing(): boolean {
    return this.#isReady && this.#isAlive;
  }

  /** Invocations that it works on. */
  get busy(): number {
    return this.#underWay.size;
  }

  /** Invocations that it can be given now. */
  get free(): number {
    if (!this.#isAlive) return 0;
    const room = this.#options.concurrency - this.#underWay.size;
    return Math.min(this.#runtimeApi?.openCalls ?? 0, room);
  }

  /** Invocations that it has answered without having asked for the next one yet, which it will in a moment. */
  get returning(): number {
    if (!this.isServing) return 0;
    return this.#options.concurrency - this.#underWay.size - this.free;
  }

  /** Settles when the process is gone and its temp disk removed. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** How long it took to start, the first time that it is asked. */
  takeInitDurationMs(): number | undefined {
    const durationMs = this.#initDurationMs;
    this.#initDurationMs = undefined;
    return durationMs;
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

  /**
   * Runs one invocation; the environment must be free. A dead process ends all that it worked on. So does a
   * timeout on default Lambda; on managed instances the caller is told, and nobody else disturbed (docs:
   * lambda-managed-instances-execution-environment).
   */
  run(invocation: Invocation, timeoutMs: number): Promise<InvokeResult> {
    clearTimeout(this.#idleTimer);
    const { requestId } = invocation;
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#settle(requestId, { kind: 'error', payload: timedOut(requestId, timeoutMs) });
        if (this.#options.concurrency === 1) void this.stop();
      }, timeoutMs);
      this.#waiting.set(requestId, { resolve, timer });
      this.#underWay.add(requestId);
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
        this.#underWay.delete(requestId);
        this.#settle(requestId, result);
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
    if (!this.#isAlive) return;
    if (!this.#isReady) {
      this.#isReady = true;
      this.#initDurationMs = performance.now() - this.#startedAt;
      this.#init.resolve({ kind: 'ready' });
    }
    if (this.#underWay.size === 0) {
      clearTimeout(this.#idleTimer);
      this.#idleTimer = setTimeout(() => void this.stop(), this.#options.idleTimeoutMs);
    }
    this.#options.onReady();
  }

  #onExit(code: number | null, signal: NodeJS.Signals | null): void {
    this.#isAlive = false;
    clearTimeout(this.#idleTimer);
    this.#init.resolve({ kind: 'error', payload: exited('none', { code, signal }) });
    this.#underWay.clear();
    for (const requestId of [...this.#waiting.keys()]) {
      this.#settle(requestId, { kind: 'error', payload: exited(requestId, { code, signal }) });
    }
    void this.#runtimeApi?.close();
    rm(this.#options.temporaryDir, { recursive: true, force: true })
      .catch(() => undefined)
      .finally(() => this.#ended.resolve());
  }

  #settle(requestId: string, result: InvokeResult): void {
    const waiting = this.#waiting.get(requestId);
    if (waiting === undefined) return;
    this.#waiting.delete(requestId);
    clearTimeout(waiting.timer);
    waiting.resolve(result);
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has just ended by itself.
  }
}
