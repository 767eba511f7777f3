import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { functionArn } from '../template/names.ts';
import { ExecutionEnvironment, type InitOutcome } from './environment.ts';
import { timedOut } from './error-documents.ts';
import type { FunctionLog } from './function-log.ts';
import type { InvokeResult } from './invoke-result.ts';
import { newTraceId, platformReport } from './platform.ts';
import type { Invocation } from './runtime-api.ts';
import { lambdaVariables } from './variables.ts';

/** A function to run. */
export interface FunctionSettings {
  readonly name: string;
  /** File below the task root, and export: `api/handler.handler`. */
  readonly handler: string;
  /** Folder of the bundles. */
  readonly taskRoot: string;
  readonly memoryMiB: number;
  readonly timeoutMs: number;
  /** Calls at a time; more are throttled. @default the account's 1,000 */
  readonly reservedConcurrency?: number | undefined;
  /** Variables of the template and of the laptop, which win over Lambda's own. */
  variables(environment: { readonly temporaryDir: string }): Readonly<Record<string, string>>;
}

/** What the laptop grants to every function. */
export interface RuntimeLimits {
  /** Processes of one function; calls beyond wait for one. Lambda would start as many as are called for. */
  readonly environmentLimit: number;
  /** How long an environment may start before it is started over within its function's timeout (Lambda: 10 s). */
  readonly initTimeoutMs: number;
  /** How long an idle environment is kept. */
  readonly idleTimeoutMs: number;
}

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
  settle(result: InvokeResult): void;
}

/** An account's concurrency, before a quota is asked for. */
const accountConcurrency = 1000;

/** One function: its environments, and the calls that wait for one. */
export class FunctionRuntime {
  readonly settings: FunctionSettings;
  readonly #limits: RuntimeLimits;
  readonly #bootstrapPath: string;
  readonly #temporaryDir: string;
  readonly #log: FunctionLog;
  readonly #waiting: Waiting[] = [];
  /** All whose process is not gone. */
  readonly #environments = new Set<ExecutionEnvironment>();
  readonly #busy = new Set<ExecutionEnvironment>();
  /** Have answered, and will ask for work in a moment. */
  readonly #returning = new Set<ExecutionEnvironment>();
  /** The one used last is used next, so that those not needed fall idle; each with the timer that ends it. */
  readonly #idle = new Map<ExecutionEnvironment, NodeJS.Timeout>();
  /** How long each took to start, until its first invocation reports it. */
  readonly #initDurationsMs = new Map<ExecutionEnvironment, number>();
  /** Starts in progress: each ends with an idle environment, or with a failed call. */
  #starts = 0;
  #started = 0;
  #isClosed = false;

  constructor(
    settings: FunctionSettings,
    options: {
      readonly limits: RuntimeLimits;
      readonly bootstrapPath: string;
      /** Holds the temp disks of the environments. */
      readonly temporaryDir: string;
      readonly log: FunctionLog;
    },
  ) {
    this.settings = settings;
    this.#limits = options.limits;
    this.#bootstrapPath = options.bootstrapPath;
    this.#temporaryDir = options.temporaryDir;
    this.#log = options.log;
  }

  get counts(): EnvironmentCounts {
    return {
      starting: this.#starts,
      idle: this.#idle.size + this.#returning.size,
      busy: this.#busy.size,
      started: this.#started,
    };
  }

  /** Runs the function once. @param payload JSON text */
  invoke(payload: string): Promise<InvokeResult> {
    const concurrency = this.#busy.size + this.#waiting.length;
    const limit = this.settings.reservedConcurrency ?? accountConcurrency;
    if (this.#isClosed || concurrency >= limit) return Promise.resolve({ kind: 'throttled' });
    const invocation = { requestId: randomUUID(), payload, traceId: newTraceId() };
    return new Promise((settle) => {
      this.#waiting.push({ invocation, settle });
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
    await this.#log.close();
  }

  /** Gives waiting calls to idle environments, and starts environments for those that are left. */
  #dispatch(): void {
    while (this.#waiting.length > 0) {
      const environment = [...this.#idle.keys()].at(-1);
      if (environment === undefined) break;
      const waiting = this.#waiting.shift();
      if (waiting !== undefined) void this.#run(environment, waiting);
    }
    const coming = this.#starts + this.#returning.size;
    const missing = this.#waiting.length - coming;
    const room = this.#limits.environmentLimit - coming - this.#busy.size - this.#idle.size;
    for (let count = Math.min(missing, room); count > 0; count--) void this.#startOne();
  }

  async #run(environment: ExecutionEnvironment, { invocation, settle }: Waiting): Promise<void> {
    this.#leaveIdle(environment);
    this.#busy.add(environment);
    const startedAt = performance.now();
    const result = await environment.run(invocation, this.settings.timeoutMs);
    this.#log.write(
      platformReport({
        requestId: invocation.requestId,
        status: result.kind,
        durationMs: performance.now() - startedAt,
        initDurationMs: this.#initDurationsMs.get(environment),
        memoryMiB: this.settings.memoryMiB,
      }),
    );
    this.#initDurationsMs.delete(environment);
    this.#busy.delete(environment);
    if (environment.isAlive) this.#returning.add(environment);
    settle(result);
    this.#dispatch();
  }

  async #startOne(): Promise<void> {
    this.#starts += 1;
    const first = await this.#start(this.#limits.initTimeoutMs);
    // As on Lambda: a start that takes too long is made once more, on the time of the call.
    const isRetried = first.kind === 'timeout' && !this.#isClosed;
    const outcome = isRetried ? await this.#start(this.settings.timeoutMs) : first;
    this.#starts -= 1;
    if (outcome.kind !== 'ready') this.#failOne(outcome);
    this.#dispatch();
  }

  /** A failed start costs the call that has waited longest. */
  #failOne(outcome: Exclude<InitOutcome, { kind: 'ready' }>): void {
    const failed = this.#waiting.shift();
    failed?.settle({
      kind: 'error',
      payload:
        outcome.kind === 'error'
          ? outcome.payload
          : timedOut(failed.invocation.requestId, this.settings.timeoutMs),
    });
  }

  async #start(limitMs: number): Promise<InitOutcome> {
    const { name, handler, taskRoot, memoryMiB } = this.settings;
    const id = randomBytes(4).toString('hex');
    const temporaryDir = join(this.#temporaryDir, `${name}-${id}`);
    const logStreamName = `${new Date().toISOString().slice(0, 10).replaceAll('-', '/')}/[$LATEST]${id}`;
    const environment = new ExecutionEnvironment({
      bootstrapPath: this.#bootstrapPath,
      functionArn: functionArn(name),
      taskRoot,
      temporaryDir,
      variables: (runtimeApi) => ({
        ...lambdaVariables({
          functionName: name,
          handler,
          taskRoot,
          memoryMiB,
          runtimeApi,
          temporaryDir,
          logStreamName,
        }),
        ...this.settings.variables({ temporaryDir }),
      }),
      onOutput: (line) => this.#log.write(line),
      onIdle: (each) => this.#onIdle(each),
    });
    this.#started += 1;
    this.#environments.add(environment);
    void environment.ended.then(() => this.#forget(environment));
    const outcome = await environment.start(limitMs);
    if (outcome.kind === 'ready') this.#initDurationsMs.set(environment, outcome.durationMs);
    else await environment.stop();
    return outcome;
  }

  #onIdle(environment: ExecutionEnvironment): void {
    this.#returning.delete(environment);
    const timer = setTimeout(() => void environment.stop(), this.#limits.idleTimeoutMs);
    this.#idle.set(environment, timer);
    this.#dispatch();
  }

  #leaveIdle(environment: ExecutionEnvironment): void {
    clearTimeout(this.#idle.get(environment));
    this.#idle.delete(environment);
  }

  #forget(environment: ExecutionEnvironment): void {
    this.#environments.delete(environment);
    this.#leaveIdle(environment);
    this.#busy.delete(environment);
    this.#returning.delete(environment);
    this.#initDurationsMs.delete(environment);
    this.#dispatch();
  }
}
