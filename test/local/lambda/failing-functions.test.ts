import { describe, expect } from 'vitest';
import { isRunning, it, until } from './harness.ts';

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
