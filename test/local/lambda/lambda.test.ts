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
