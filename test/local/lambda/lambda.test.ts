import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { fixtures, isRunning, it, until } from './harness.ts';

describe('an execution environment', () => {
  it('starts cold on the first call and is reused by the second', async ({ start }) => {
    const fn = await start();
    const first = await fn.describe();
    const second = await fn.describe();
    expect(second.pid).toBe(first.pid);
    expect([first.calls, second.calls]).toEqual([1, 2]);
    expect(fn.counts.started).toBe(1);
  });

  it('sees the variables and the context that Lambda gives, and none of the laptop', async ({
    start,
  }) => {
    process.env['PILOTLIGHT_TEST_SECRET'] = 'must not be seen';
    const fn = await start({
      variables: ({ temporaryDir }) => ({ OWN: 'yes', CACHE: join(temporaryDir, 'models') }),
    });
    const { variables, context, cwd } = await fn.describe();
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
    expect(variables['TMPDIR']?.startsWith(fn.dataDir)).toBe(true);
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

  it('takes any JSON, up to the limit of a payload, and gives it back', async ({ start }) => {
    const fn = await start();
    const event = {
      do: 'echo',
      text: 'ünï🔥',
      list: [1, null, { deep: true }],
      pad: '€'.repeat(2e6),
    };
    expect(await fn.succeed(event)).toEqual(event);
  });

  it('answers null when the handler returns nothing', async ({ start }) => {
    const fn = await start();
    expect(await fn.invoke({ do: 'nothing' })).toEqual({ kind: 'success', payload: 'null' });
  });

  it('loads handlers from ES modules and below exported objects', async ({ start }) => {
    const fn = await start({ handler: 'module.nested.handler' });
    expect(await fn.succeed(7)).toEqual({ from: 'module', event: 7 });
  });

  it('is ended when it has been idle for long', async ({ start }) => {
    const fn = await start({}, { idleTimeoutMs: 50 });
    const { pid } = await fn.describe();
    await until(() => !isRunning(pid));
    expect(fn.counts).toEqual({ starting: 0, idle: 0, busy: 0, started: 1 });
  });

  it('has a temp disk of its own, which goes with it', async ({ start }) => {
    const fn = await start();
    const { variables } = await fn.describe();
    expect(existsSync(variables['TMPDIR'] ?? '')).toBe(true);
    await fn.lambda.recycle('fn');
    expect(existsSync(variables['TMPDIR'] ?? '')).toBe(false);
  });
});

describe('a failing handler', () => {
  it('gives its error and lives on', async ({ start }) => {
    const fn = await start();
    const { pid } = await fn.describe();
    const error = await fn.fail({ do: 'throw' });
    expect(error).toMatchObject({ errorType: 'RangeError', errorMessage: 'not like this' });
    expect(error['trace']).toContain('RangeError: not like this');
    expect(await fn.fail({ do: 'throwText' })).toMatchObject({
      errorType: 'string',
      errorMessage: 'just text',
    });
    expect((await fn.describe()).pid).toBe(pid);
  });

  it.for([
    [{ do: 'exit', code: 1 }, 'Runtime exited with error: exit status 1'],
    [{ do: 'exit', code: 0 }, 'Runtime exited without providing a reason'],
    [{ do: 'kill', signal: 'SIGKILL' }, 'Runtime exited with error: signal: killed'],
    [
      { do: 'kill', signal: 'SIGFPE' },
      'Runtime exited with error: signal: floating point exception',
    ],
  ])('that ends its process costs one call: %j', async ([event, reason], { start }) => {
    const fn = await start();
    const error = await fn.fail(event);
    expect(error['errorType']).toBe('Runtime.ExitError');
    expect(error['errorMessage']).toMatch(/^RequestId: [0-9a-f-]{36} Error: /);
    expect(error['errorMessage']).toContain(reason);
    expect((await fn.describe()).calls).toBe(1);
  });

  it.for([
    [{ do: 'reject' }, 'Runtime.UnhandledPromiseRejection', 'Error: nobody waits for me'],
    [{ do: 'uncaught' }, 'TypeError', 'nobody catches me'],
  ])(
    'that leaves an error uncaught ends the environment: %j',
    async ([event, type, message], { start }) => {
      const fn = await start();
      expect(await fn.fail(event)).toMatchObject({ errorType: type, errorMessage: message });
      expect((await fn.describe()).calls).toBe(1);
    },
  );

  it('that dies between calls is not given the next one', async ({ start }) => {
    const fn = await start();
    const { pid } = await fn.succeed<{ pid: number }>({ do: 'dieLater' });
    await until(() => !isRunning(pid));
    expect((await fn.describe()).pid).not.toBe(pid);
  });

  it.for([
    ['sleeps', { do: 'sleep', ms: 60_000 }],
    ['never yields', { do: 'spin', ms: 60_000 }],
  ])('that %s past its timeout is killed', async ([_, event], { start }) => {
    const fn = await start({ timeoutMs: 300 });
    const { pid } = await fn.describe();
    const error = await fn.fail(event);
    expect(error['errorType']).toBe('Sandbox.Timedout');
    expect(error['errorMessage']).toMatch(
      /^RequestId: \S+ Error: Task timed out after 0\.30 seconds$/,
    );
    await until(() => !isRunning(pid));
    expect((await fn.describe()).calls).toBe(1);
  });

  it('may return 6,291,556 bytes and not one more', async ({ start }) => {
    const fn = await start();
    expect(await fn.invoke({ do: 'large', bytes: 6_291_556 })).toMatchObject({
      kind: 'success',
    });
    expect(await fn.fail({ do: 'large', bytes: 6_291_557 })).toEqual({
      errorType: 'Function.ResponseSizeTooLarge',
      errorMessage: 'Response payload size exceeded maximum allowed payload size (6291556 bytes).',
    });
    expect(await fn.succeed({ do: 'echo' })).toEqual({ do: 'echo' });
  });
});

describe('a function that cannot start', () => {
  it.for([
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
  ] as const)('says why: %s', async ([handler, errorType, errorMessage], { start }) => {
    const fn = await start({ handler });
    expect(await fn.fail({})).toMatchObject({ errorType, errorMessage });
    await until(() => fn.counts.starting === 0);
    expect(fn.counts).toMatchObject({ idle: 0, busy: 0 });
  });

  it('within the time for it is started once more on the time of the call', async ({ start }) => {
    const fn = await start({ handler: 'slow-start.handler' }, { initTimeoutMs: 100 });
    expect(await fn.succeed({})).toBe('started');
    expect(fn.counts.started).toBe(2);
  });

  it('within the time of the call either has timed out', async ({ start }) => {
    const fn = await start(
      { handler: 'slow-start.handler', timeoutMs: 200 },
      { initTimeoutMs: 100 },
    );
    expect(await fn.fail({})).toMatchObject({ errorType: 'Sandbox.Timedout' });
  });
});

describe('logs', () => {
  it('hold what the function prints, and a report of each call', async ({ start }) => {
    const fn = await start();
    await fn.invoke({ do: 'print', line: '{"message":"hello"}' });
    await until(() => fn.lines.length === 3);
    const log = await readFile(join(fn.dataDir, 'logs', 'fn.log'), 'utf8');
    expect(log).toContain('{"message":"hello"}\n');
    expect(log).toContain('{"message":"hello"} (error)\n');
    const report = fn.lines.find((line) => line.includes('platform.report'));
    expect(JSON.parse(report ?? '')).toMatchObject({
      type: 'platform.report',
      record: { status: 'success', metrics: { memorySizeMB: 1769 } },
    });
    expect(report).toContain('initDurationMs');
  });
});

describe('closing', () => {
  it('leaves no process and no temp disk, also in the middle of a call', async ({ start }) => {
    const fn = await start();
    const { pid } = await fn.describe();
    const inFlight = fn.fail({ do: 'spin', ms: 60_000 });
    await sleep(20);
    await fn.lambda.close();
    expect(await inFlight).toMatchObject({ errorType: 'Runtime.ExitError' });
    expect(isRunning(pid)).toBe(false);
    expect(await readdir(fn.dataDir)).toEqual(['logs']);
  });

  it('in the middle of a start leaves no process either', async ({ start }) => {
    const fn = await start({ handler: 'slow-start.handler' });
    const inFlight = fn.invoke({});
    await sleep(20);
    await fn.lambda.close();
    expect((await inFlight).kind).not.toBe('success');
    expect(fn.counts).toMatchObject({ starting: 0, idle: 0, busy: 0 });
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
