import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'vitest';
import type { FunctionSettings, RuntimeLimits } from '../../../local/lambda/function-settings.ts';
import type { InvokeResult } from '../../../local/lambda/invoke-result.ts';
import { type Lambda, startLambda } from '../../../local/lambda/service.ts';

export const fixtures = join(import.meta.dirname, 'fixtures');

/** What the fixture's `describe` tells. */
export interface Description {
  readonly calls: number;
  readonly pid: number;
  readonly cwd: string;
  readonly variables: Readonly<Record<string, string>>;
  readonly context: Readonly<Record<string, unknown>>;
}

/** A Lambda with one function, `fn`, whose calls do what their event says. */
export class TestLambda {
  readonly lambda: Lambda;
  readonly dataDir: string;
  /** What was logged. */
  readonly lines: readonly string[];

  private constructor(lambda: Lambda, dataDir: string, lines: readonly string[]) {
    this.lambda = lambda;
    this.dataDir = dataDir;
    this.lines = lines;
  }

  static async start(
    settings: Partial<FunctionSettings>,
    limits: Partial<RuntimeLimits>,
  ): Promise<TestLambda> {
    const dataDir = await mkdtemp(join(tmpdir(), 'pilotlight-lambda-test-'));
    const lines: string[] = [];
    const lambda = await startLambda({
      functions: [
        {
          name: 'fn',
          handler: 'handler.handler',
          taskRoot: fixtures,
          memoryMiB: 1769,
          timeoutMs: 5000,
          variables: () => ({}),
          ...settings,
        },
      ],
      temporaryDir: join(dataDir, 'tmp'),
      logsDir: join(dataDir, 'logs'),
      onLogLine: (_, line) => lines.push(line),
      limits,
    });
    return new TestLambda(lambda, dataDir, lines);
  }

  async dispose(): Promise<void> {
    await this.lambda.close();
    await rm(this.dataDir, { recursive: true, force: true });
  }

  get counts() {
    return this.lambda.counts('fn');
  }

  invoke(event: unknown): Promise<InvokeResult> {
    return this.lambda.invoke('fn', JSON.stringify(event));
  }

  async succeed<T>(event: unknown): Promise<T> {
    const result = await this.invoke(event);
    if (result.kind !== 'success') {
      throw new Error(`expected success, got ${JSON.stringify(result)}`);
    }
    return JSON.parse(result.payload) as T;
  }

  async fail(event: unknown): Promise<Record<string, unknown>> {
    const result = await this.invoke(event);
    if (result.kind !== 'error')
      throw new Error(`expected an error, got ${JSON.stringify(result)}`);
    return JSON.parse(result.payload) as Record<string, unknown>;
  }

  describe(): Promise<Description> {
    return this.succeed({ do: 'describe' });
  }
}

type Start = (
  settings?: Partial<FunctionSettings>,
  limits?: Partial<RuntimeLimits>,
) => Promise<TestLambda>;

/** A test that may start Lambdas; they are gone with it. */
export const it = test.extend<{ readonly start: Start }>({
  // biome-ignore lint/correctness/noEmptyPattern: Vitest reads from the pattern which other fixtures it needs
  start: async ({}, use) => {
    const started: TestLambda[] = [];
    await use(async (settings = {}, limits = {}) => {
      const fn = await TestLambda.start(settings, limits);
      started.push(fn);
      return fn;
    });
    await Promise.all(started.map((fn) => fn.dispose()));
  },
});

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

export async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('waited in vain');
    await sleep(5);
  }
}
