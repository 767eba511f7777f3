import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FunctionSettings, RuntimeLimits } from '../../../local/lambda/function-runtime.ts';
import type { InvokeResult } from '../../../local/lambda/invoke-result.ts';
import { type Lambda, startLambda } from '../../../local/lambda/service.ts';

const fixtures = join(import.meta.dirname, 'fixtures');

let dataDir: string;
let running: Lambda[];
let lines: string[];

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'pilotlight-lambda-test-'));
  running = [];
  lines = [];
});
afterEach(async () => {
  await Promise.all(running.map((lambda) => lambda.close()));
  await rm(dataDir, { recursive: true, force: true });
});

async function start(
  settings: Partial<FunctionSettings> = {},
  limits: Partial<RuntimeLimits> = {},
): Promise<Lambda> {
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
    onLogLine: (functionName, line) => lines.push(`${functionName} ${line}`),
    limits,
  });
  running.push(lambda);
  return lambda;
}

function invoke(lambda: Lambda, event: unknown): Promise<InvokeResult> {
  return lambda.invoke('fn', JSON.stringify(event));
}

async function succeed<T>(lambda: Lambda, event: unknown): Promise<T> {
  const result = await invoke(lambda, event);
  if (result.kind !== 'success') throw new Error(`expected success, got ${JSON.stringify(result)}`);
  return JSON.parse(result.payload) as T;
}

async function fail(lambda: Lambda, event: unknown): Promise<Record<string, unknown>> {
  const result = await invoke(lambda, event);
  if (result.kind !== 'error') throw new Error(`expected an error, got ${JSON.stringify(result)}`);
  return JSON.parse(result.payload) as Record<string, unknown>;
}

interface Description {
  readonly calls: number;
  readonly pid: number;
  readonly cwd: string;
  readonly variables: Readonly<Record<string, string>>;
  readonly context: Readonly<Record<string, unknown>>;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 5000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('waited in vain');
    await sleep(5);
  }
}

describe('an execution environment', () => {
  it('starts cold on the first call and is reused by the second', async () => {
    const lambda = await start();
    const first = await succeed<Description>(lambda, { do: 'describe' });
    const second = await succeed<Description>(lambda, { do: 'describe' });
    expect(second.pid).toBe(first.pid);
    expect([first.calls, second.calls]).toEqual([1, 2]);
    expect(lambda.counts('fn').started).toBe(1);
  });

  it('sees the variables and the context that Lambda gives, and none of the laptop', async () => {
    process.env['PILOTLIGHT_TEST_SECRET'] = 'must not be seen';
    const lambda = await start({
      variables: ({ temporaryDir }) => ({ OWN: 'yes', CACHE: join(temporaryDir, 'models') }),
    });
    const { variables, context, cwd } = await succeed<Description>(lambda, { do: 'describe' });
    delete process.env['PILOTLIGHT_TEST_SECRET'];
    expect(variables).toMatchObject({
      _HANDLER: 'handler.handler',
      AWS_LAMBDA_FUNCTION_NAME: 'fn',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '1769',
      AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'test',
      LAMBDA_TASK_ROOT: fixtures,
      OWN: 'yes',
    });
    expect(variables['TMPDIR']?.startsWith(dataDir)).toBe(true);
    expect(variables['CACHE']).toBe(`${variables['TMPDIR']}/models`);
    expect(variables['_X_AMZN_TRACE_ID']).toMatch(/^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=/);
    expect(variables).not.toHaveProperty('PILOTLIGHT_TEST_SECRET');
    expect(variables).not.toHaveProperty('NODE_OPTIONS');
    expect(cwd).toBe(fixtures);
    expect(context).toMatchObject({
      functionName: 'fn',
      functionVersion: '$LATEST',
      memoryLimitInMB: '1769',
      invokedFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:fn',
      logGroupName: '/aws/lambda/fn',
    });
    expect(context['awsRequestId']).toMatch(/^[0-9a-f-]{36}$/);
    expect(context['remainingMs']).toBeGreaterThan(4000);
    expect(context['remainingMs']).toBeLessThanOrEqual(5000);
  });

  it('takes any JSON, up to the limit of a payload, and gives it back', async () => {
    const lambda = await start();
    const event = {
      do: 'echo',
      text: 'ünï🔥',
      list: [1, null, { deep: true }],
      pad: '€'.repeat(2e6),
    };
    expect(await succeed(lambda, event)).toEqual(event);
  });

  it('answers null when the handler returns nothing', async () => {
    const lambda = await start();
    expect(await invoke(lambda, { do: 'nothing' })).toEqual({ kind: 'success', payload: 'null' });
  });

  it('loads handlers from ES modules and below exported objects', async () => {
    const lambda = await start({ handler: 'module.nested.handler' });
    expect(await succeed(lambda, 7)).toEqual({ from: 'module', event: 7 });
  });

  it('is ended when it has been idle for long', async () => {
    const lambda = await start({}, { idleTimeoutMs: 50 });
    const { pid } = await succeed<Description>(lambda, { do: 'describe' });
    await until(() => !isRunning(pid));
    expect(lambda.counts('fn')).toEqual({ starting: 0, idle: 0, busy: 0, started: 1 });
  });

  it('has a temp disk of its own, which goes with it', async () => {
    const lambda = await start();
    const { variables } = await succeed<Description>(lambda, { do: 'describe' });
    expect(existsSync(variables['TMPDIR'] ?? '')).toBe(true);
    await lambda.recycle('fn');
    expect(existsSync(variables['TMPDIR'] ?? '')).toBe(false);
  });
});

describe('a failing handler', () => {
  it('gives its error and lives on', async () => {
    const lambda = await start();
    const { pid } = await succeed<Description>(lambda, { do: 'describe' });
    const error = await fail(lambda, { do: 'throw' });
    expect(error).toMatchObject({ errorType: 'RangeError', errorMessage: 'not like this' });
    expect(error['trace']).toContain('RangeError: not like this');
    expect(await fail(lambda, { do: 'throwText' })).toMatchObject({
      errorType: 'string',
      errorMessage: 'just text',
    });
    expect((await succeed<Description>(lambda, { do: 'describe' })).pid).toBe(pid);
  });

  it.each([
    [{ do: 'exit', code: 1 }, 'Runtime exited with error: exit status 1'],
    [{ do: 'exit', code: 0 }, 'Runtime exited without providing a reason'],
    [{ do: 'kill', signal: 'SIGKILL' }, 'Runtime exited with error: signal: killed'],
    [
      { do: 'kill', signal: 'SIGFPE' },
      'Runtime exited with error: signal: floating point exception',
    ],
  ])('that ends its process costs one call: %j', async (event, reason) => {
    const lambda = await start();
    const error = await fail(lambda, event);
    expect(error['errorType']).toBe('Runtime.ExitError');
    expect(error['errorMessage']).toMatch(/^RequestId: [0-9a-f-]{36} Error: /);
    expect(error['errorMessage']).toContain(reason);
    expect((await succeed<Description>(lambda, { do: 'describe' })).calls).toBe(1);
  });

  it.each([
    [{ do: 'reject' }, 'Runtime.UnhandledPromiseRejection', 'Error: nobody waits for me'],
    [{ do: 'uncaught' }, 'TypeError', 'nobody catches me'],
  ])('that leaves an error uncaught ends the environment: %j', async (event, type, message) => {
    const lambda = await start();
    expect(await fail(lambda, event)).toMatchObject({ errorType: type, errorMessage: message });
    expect((await succeed<Description>(lambda, { do: 'describe' })).calls).toBe(1);
  });

  it('that dies between calls is not given the next one', async () => {
    const lambda = await start();
    const { pid } = await succeed<{ pid: number }>(lambda, { do: 'dieLater' });
    await until(() => !isRunning(pid));
    expect((await succeed<Description>(lambda, { do: 'describe' })).pid).not.toBe(pid);
  });

  it.each([
    ['sleeps', { do: 'sleep', ms: 60_000 }],
    ['never yields', { do: 'spin', ms: 60_000 }],
  ])('that %s past its timeout is killed', async (_, event) => {
    const lambda = await start({ timeoutMs: 300 });
    const { pid } = await succeed<Description>(lambda, { do: 'describe' });
    const error = await fail(lambda, event);
    expect(error['errorType']).toBe('Sandbox.Timedout');
    expect(error['errorMessage']).toMatch(
      /^RequestId: \S+ Error: Task timed out after 0\.30 seconds$/,
    );
    await until(() => !isRunning(pid));
    expect((await succeed<Description>(lambda, { do: 'describe' })).calls).toBe(1);
  });

  it('may return 6,291,556 bytes and not one more', async () => {
    const lambda = await start();
    expect(await invoke(lambda, { do: 'large', bytes: 6_291_556 })).toMatchObject({
      kind: 'success',
    });
    expect(await fail(lambda, { do: 'large', bytes: 6_291_557 })).toEqual({
      errorType: 'Function.ResponseSizeTooLarge',
      errorMessage: 'Response payload size exceeded maximum allowed payload size (6291556 bytes).',
    });
    expect(await succeed(lambda, { do: 'echo' })).toEqual({ do: 'echo' });
  });
});

describe('a function that cannot start', () => {
  it.each([
    ['broken.handler', 'SyntaxError', 'this bundle is broken'],
    [
      'missing/file.handler',
      'Runtime.ImportModuleError',
      "Error: Cannot find module 'missing/file'",
    ],
    ['handler.missing', 'Runtime.HandlerNotFound', 'handler.missing is undefined or not exported'],
    [
      'handler.notAFunction',
      'Runtime.HandlerNotFound',
      'handler.notAFunction is undefined or not exported',
    ],
    ['nonsense', 'Runtime.MalformedHandlerName', 'Bad handler: nonsense'],
  ])('says why: %s', async (handler, errorType, errorMessage) => {
    const lambda = await start({ handler });
    expect(await fail(lambda, {})).toMatchObject({ errorType, errorMessage });
    await until(() => lambda.counts('fn').starting === 0);
    expect(lambda.counts('fn')).toMatchObject({ idle: 0, busy: 0 });
  });

  it('within the time for it is started once more on the time of the call', async () => {
    const lambda = await start({ handler: 'slow-start.handler' }, { initTimeoutMs: 100 });
    expect(await succeed(lambda, {})).toBe('started');
    expect(lambda.counts('fn').started).toBe(2);
  });

  it('within the time of the call either has timed out', async () => {
    const lambda = await start(
      { handler: 'slow-start.handler', timeoutMs: 200 },
      { initTimeoutMs: 100 },
    );
    expect(await fail(lambda, {})).toMatchObject({ errorType: 'Sandbox.Timedout' });
  });
});

describe('concurrent calls', () => {
  it('each have an environment', async () => {
    const lambda = await start({}, { environmentLimit: 3 });
    const calls = [1, 2, 3].map(() => succeed<{ pid: number }>(lambda, { do: 'sleep', ms: 200 }));
    const pids = (await Promise.all(calls)).map(({ pid }) => pid);
    expect(new Set(pids).size).toBe(3);
  });

  it('wait their turn beyond what the laptop grants', async () => {
    const lambda = await start({}, { environmentLimit: 2 });
    const calls = Array.from({ length: 10 }, () =>
      succeed<{ pid: number }>(lambda, { do: 'sleep', ms: 10 }),
    );
    const pids = (await Promise.all(calls)).map(({ pid }) => pid);
    expect(new Set(pids).size).toBeLessThanOrEqual(2);
    expect(lambda.counts('fn').started).toBeLessThanOrEqual(2);
  });

  it('are throttled beyond the reserved concurrency', async () => {
    const lambda = await start({ reservedConcurrency: 2 });
    const results = await Promise.all(
      [1, 2, 3, 4].map(() => invoke(lambda, { do: 'sleep', ms: 50 })),
    );
    expect(results.map(({ kind }) => kind).sort()).toEqual([
      'success',
      'success',
      'throttled',
      'throttled',
    ]);
    expect(await succeed(lambda, { do: 'echo' })).toEqual({ do: 'echo' });
  });

  it('are all throttled when none is reserved', async () => {
    const lambda = await start({ reservedConcurrency: 0 });
    expect(await invoke(lambda, { do: 'echo' })).toEqual({ kind: 'throttled' });
  });
});

describe('logs', () => {
  it('hold what the function prints, and a report of each call', async () => {
    const lambda = await start();
    await invoke(lambda, { do: 'print', line: '{"message":"hello"}' });
    await until(() => lines.length === 3);
    const log = await readFile(join(dataDir, 'logs', 'fn.log'), 'utf8');
    expect(log).toContain('{"message":"hello"}\n');
    expect(log).toContain('{"message":"hello"} (error)\n');
    const report = lines.find((line) => line.includes('platform.report'))?.slice('fn '.length);
    expect(JSON.parse(report ?? '')).toMatchObject({
      type: 'platform.report',
      record: { status: 'success', metrics: { memorySizeMB: 1769 } },
    });
    expect(report).toContain('initDurationMs');
  });
});

describe('closing', () => {
  it('leaves no process and no temp disk, also in the middle of a call', async () => {
    const lambda = await start();
    const { pid } = await succeed<Description>(lambda, { do: 'describe' });
    const inFlight = fail(lambda, { do: 'spin', ms: 60_000 });
    await sleep(20);
    await lambda.close();
    expect(await inFlight).toMatchObject({ errorType: 'Runtime.ExitError' });
    expect(isRunning(pid)).toBe(false);
    expect(await readdir(dataDir)).toEqual(['logs']);
  });

  it('in the middle of a start leaves no process either', async () => {
    const lambda = await start({ handler: 'slow-start.handler' });
    const inFlight = invoke(lambda, {});
    await sleep(20);
    await lambda.close();
    expect((await inFlight).kind).not.toBe('success');
    expect(lambda.counts('fn')).toMatchObject({ starting: 0, idle: 0, busy: 0 });
  });
});

describe('however its owner ends', () => {
  it.each([
    ['exits', 'exit', 60_000],
    ['fails', 'throw', 60_000],
    // Nothing can be done then: the environment finds its Runtime API gone once its handler returns.
    ['is killed', 'kill', 500],
  ])('when it %s, no environment outlives it', async (_, ending, busyMs) => {
    const owner = spawn(process.execPath, [join(fixtures, 'parent.ts'), ending, `${busyMs}`], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let output = '';
    owner.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    await once(owner, 'close');
    const { pid, folder } = JSON.parse(output) as { pid: number; folder: string };
    expect(pid).toBeGreaterThan(0);
    await until(() => !isRunning(pid));
    await rm(folder, { recursive: true, force: true });
  });
});
