import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import type { InvokeResult } from '../../local/lambda/invoke-result.ts';
import { newTraceId } from '../../local/lambda/platform.ts';
import { openRuntimeApi, type RuntimeApi } from '../../local/lambda/runtime-api.ts';
import { lambdaVariables } from '../../local/lambda/variables.ts';

/** Anyone but root; Lambda's own number is nobody's business. */
const unprivilegedUser = '993:990';

/**
 * What Lambda does around an image: its root file system read-only, a temp disk, /proc and /dev, no other
 * processes to see, an unprivileged user. `$1` is the root, the rest is what to run in it.
 */
const enterScript = `set -e
root=$1; shift
mount --bind "$root" "$root"
mount -t tmpfs -o mode=1777,size=512m tmpfs "$root/tmp"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -o remount,ro,bind "$root"
exec /usr/sbin/chroot --userspec=${unprivilegedUser} "$root" "$@"`;

export interface SandboxOptions {
  /** The image's root file system. */
  readonly root: string;
  /** The image's entry point, and the command that a function overrides. */
  readonly entrypoint: readonly string[];
  /** `api/handler.handler` */
  readonly command: string;
  /** `NAME=value`, the image's own. */
  readonly imageEnvironment: readonly string[];
  /** The function's, by its name. */
  readonly environment: Readonly<Record<string, string>>;
}

/** One execution environment: the image's process behind a Runtime API. */
export class Sandbox {
  readonly #options: SandboxOptions;
  readonly #output: string[] = [];
  #asksForWork = Promise.withResolvers<void>();
  #answered = Promise.withResolvers<InvokeResult>();
  #runtimeApi: RuntimeApi | undefined;
  #child: ChildProcess | undefined;

  constructor(options: SandboxOptions) {
    this.#options = options;
  }

  /** Everything that the process has printed. */
  get output(): string {
    return this.#output.join('');
  }

  /**
   * Starts the process, and waits until it asks for work.
   * @returns how long that took: Lambda's init phase (ms)
   * @throws Error with what it printed when it ends instead
   */
  async start(): Promise<number> {
    this.#runtimeApi = await openRuntimeApi({
      onNext: () => this.#asksForWork.resolve(),
      onResult: (_, result) => this.#answered.resolve(result),
      onInitError: (payload) => this.#fail(`its init phase failed: ${payload}`),
    });
    const { root, entrypoint, command } = this.#options;
    const startedAt = performance.now();
    const child = spawn(
      'unshare',
      [
        ...['--mount', '--pid', '--fork', '--kill-child', '--', 'sh', '-c', enterScript, 'enter'],
        ...[root, ...entrypoint, command],
      ],
      { env: this.#environment(this.#runtimeApi.address), stdio: ['ignore', 'pipe', 'pipe'] },
    );
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => this.#output.push(chunk.toString()));
    }
    child.on('exit', (code) => this.#fail(`it ended with ${code}`));
    await this.#asksForWork.promise;
    return performance.now() - startedAt;
  }

  /** Invokes the function once. @throws Error with Lambda's error document when it fails */
  async invoke(event: unknown, timeoutMs = 30_000): Promise<unknown> {
    await this.#asksForWork.promise;
    this.#asksForWork = Promise.withResolvers<void>();
    this.#answered = Promise.withResolvers<InvokeResult>();
    this.#runtimeApi?.deliver(
      { requestId: randomUUID(), payload: JSON.stringify(event), traceId: newTraceId() },
      `arn:aws:lambda:us-east-1:000000000000:function:${functionName}`,
      Date.now() + timeoutMs,
    );
    const result = await this.#answered.promise;
    if (result.kind !== 'success') throw new Error(JSON.stringify(result));
    return JSON.parse(result.payload);
  }

  async close(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await gone;
    }
    this.#runtimeApi?.close();
  }

  #fail(reason: string): void {
    const error = new Error(`${this.#options.command}: ${reason}\n${this.output.slice(-4000)}`);
    this.#asksForWork.reject(error);
    this.#answered.reject(error);
    // Whoever waits hears of it; nobody need be waiting.
    for (const { promise } of [this.#asksForWork, this.#answered]) promise.catch(() => undefined);
  }

  #environment(runtimeApi: string): Record<string, string> {
    const { command, imageEnvironment, environment } = this.#options;
    const lambda = lambdaVariables({
      functionName,
      handler: command,
      taskRoot: '/var/task',
      memoryMiB: 1769,
      runtimeApi,
      temporaryDir: '/tmp',
      logStreamName: 'image-test',
    });
    return { ...lambda, ...Object.fromEntries(imageEnvironment.map(split)), ...environment };
  }
}

const functionName = 'image-test';

function split(pair: string): [string, string] {
  const equals = pair.indexOf('=');
  return [pair.slice(0, equals), pair.slice(equals + 1)];
}
