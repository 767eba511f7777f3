import { randomUUID } from 'node:crypto';
import type { ExecutionEnvironment, InitOutcome } from './environment.ts';
import { exited, timedOut } from './error-documents.ts';
import type { FaultInjector, InvocationFault } from './faults.ts';
import { concurrencyOf, type FunctionSettings, type RuntimeLimits } from './function-settings.ts';
import type { InvokeResult } from './invoke-result.ts';
import { type EnvironmentPlace, newEnvironment } from './new-environment.ts';
import { newTraceId, platformReport } from './platform.ts';
import type { Invocation } from './runtime-api.ts';

/** The environments of a function, counted by what they do. */
export interface EnvironmentCounts {
  readonly starting: number;
  readonly idle: number;
  readonly busy: number;
  /** Cold starts so far. */
  readonly started: number;
}

interface Waiting {
  readonly invocation: Invocation;
  /** What is to go wrong with it on purpose. */
  readonly fault: InvocationFault | undefined;
  settle(result: InvokeResult): void;
}

/** An account's concurrency, before a quota is asked for. */
const accountConcurrency = 1000;

/** Managed instances give a start at least that long (docs: lambda-managed-instances-execution-environment). */
const managedInitTimeoutMs = 130_000;

export interface FunctionRuntimeOptions extends EnvironmentPlace {
  readonly limits: RuntimeLimits;
  readonly faults: FaultInjector;
}

/** One function: its environments, and the calls that wait for one. */
export class FunctionRuntime {
  readonly settings: FunctionSettings;
  readonly #options: FunctionRuntimeOptions;
  /** Invocations of one environment at a time. */
  readonly #concurrency: number;
  readonly #waiting: Waiting[] = [];
  /** All whose process is not gone; the one used last is the last. */
  readonly #environments = new Set<ExecutionEnvironment>();
  /** Starts in progress: each ends with an environment that serves, or with failed calls. */
  #starts = 0;
  #started = 0;
  #isClosed = false;

  constructor(settings: FunctionSettings, options: FunctionRuntimeOptions) {
    this.settings = settings;
    this.#options = options;
    this.#concurrency = concurrencyOf(settings);
  }

  get counts(): EnvironmentCounts {
    const serving = this.#serving();
    const busy = serving.filter((environment) => environment.busy > 0).length;
    return {
      starting: this.#starts,
      idle: serving.length - busy,
      busy,
      started: this.#started,
    };
  }

  /** Runs the function once. @param payload JSON text */
  invoke(payload: string): Promise<InvokeResult> {
    const running = total(this.#serving(), ({ busy }) => busy);
    const limit = this.settings.reservedConcurrency ?? accountConcurrency;
    const fault = this.#options.faults.forInvocation(this.settings.name);
    const isRefused = this.#isClosed || running + this.#waiting.length >= limit;
    if (isRefused || fault?.kind === 'throttle') return Promise.resolve({ kind: 'throttled' });
    const invocation = { requestId: randomUUID(), payload, traceId: newTraceId() };
    return new Promise((settle) => {
      this.#waiting.push({ invocation, fault, settle });
      this.#dispatch();
    });
  }

  /** Kills all environments, as a deployment or a failing host would; the next call starts cold. */
  async recycle(): Promise<void> {
    await Promise.all([...this.#environments].map((environment) => environment.stop()));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { settle } of this.#waiting.splice(0)) settle({ kind: 'throttled' });
    await this.recycle();
    await this.#options.log.close();
  }

  #serving(): ExecutionEnvironment[] {
    return [...this.#environments].filter(({ isServing }) => isServing);
  }

  /** Gives waiting calls to environments with room, and starts environments for those that are left. */
  #dispatch(): void {
    for (;;) {
      // The one used last, so that those not needed fall idle, and calls that can share a run come together.
      const environment = this.#serving().findLast(({ free }) => free > 0);
      const next = environment === undefined ? undefined : this.#waiting.shift();
      if (environment === undefined || next === undefined) break;
      void this.#run(environment, next);
    }
    const serving = this.#serving();
    const coming = this.#starts * this.#concurrency + total(serving, ({ returning }) => returning);
    const missing = Math.ceil((this.#waiting.length - coming) / this.#concurrency);
    const room = this.#options.limits.environmentLimit - this.#starts - serving.length;
    for (let count = Math.min(missing, room); count > 0; count--) void this.#startOne();
  }

  async #run(environment: ExecutionEnvironment, waiting: Waiting): Promise<void> {
    const { invocation, fault, settle } = waiting;
    // Re-inserted, so that the set's order is the order of use.
    this.#environments.delete(environment);
    this.#environments.add(environment);
    const startedAt = performance.now();
    const result = await this.#runWithFault(environment, invocation, fault);
    this.#options.log.write(
      platformReport({
        requestId: invocation.requestId,
        status: result.kind,
        durationMs: performance.now() - startedAt,
        initDurationMs: environment.takeInitDurationMs(),
        memoryMiB: this.settings.memoryMiB,
      }),
    );
    settle(result);
    this.#dispatch();
  }

  async #runWithFault(
    environment: ExecutionEnvironment,
    invocation: Invocation,
    fault: InvocationFault | undefined,
  ): Promise<InvokeResult> {
    const { timeoutMs } = this.settings;
    if (fault?.kind === 'timeout') {
      return environment.run(invocation, Math.min(timeoutMs, fault.afterMs));
    }
    if (fault?.kind === 'kill') setTimeout(() => void environment.stop(), fault.afterMs).unref();
    const result = await environment.run(invocation, timeoutMs);
    if (fault?.kind !== 'lostResponse' || result.kind === 'error') return result;
    void environment.stop();
    const { requestId } = invocation;
    return { kind: 'error', payload: exited(requestId, { code: null, signal: 'SIGKILL' }) };
  }

  async #startOne(): Promise<void> {
    this.#starts += 1;
    const { initTimeoutMs } = this.#options.limits;
    const { timeoutMs } = this.settings;
    const first = await this.#start(
      this.#concurrency === 1 ? initTimeoutMs : Math.max(managedInitTimeoutMs, timeoutMs),
    );
    // As on Lambda: a start that takes too long is made once more, on the time of the call.
    const isRetried = first.kind === 'timeout' && !this.#isClosed;
    const outcome = isRetried ? await this.#start(timeoutMs) : first;
    this.#starts -= 1;
    if (outcome.kind !== 'ready') this.#failFor(outcome);
    this.#dispatch();
  }

  /** A failed start costs the calls that it was made for: those that have waited longest. */
  #failFor(outcome: Exclude<InitOutcome, { kind: 'ready' }>): void {
    for (const { invocation, settle } of this.#waiting.splice(0, this.#concurrency)) {
      const payload =
        outcome.kind === 'error'
          ? outcome.payload
          : timedOut(invocation.requestId, this.settings.timeoutMs);
      settle({ kind: 'error', payload });
    }
  }

  async #start(limitMs: number): Promise<InitOutcome> {
    const environment = newEnvironment(this.settings, this.#options, () => this.#dispatch());
    this.#started += 1;
    this.#environments.add(environment);
    void environment.ended.then(() => {
      this.#environments.delete(environment);
      this.#dispatch();
    });
    const outcome = await environment.start(limitMs);
    if (outcome.kind !== 'ready') await environment.stop();
    return outcome;
  }
}

function total<T>(items: readonly T[], count: (item: T) => number): number {
  return items.reduce((sum, item) => sum + count(item), 0);
}
