import { describe, expect } from 'vitest';
import { it, until } from './harness.ts';

describe('concurrent calls', () => {
  it('each have an environment', async ({ start }) => {
    const fn = await start({}, { environmentLimit: 3 });
    const calls = [1, 2, 3].map(() => fn.succeed<{ pid: number }>({ do: 'sleep', ms: 200 }));
    const pids = (await Promise.all(calls)).map(({ pid }) => pid);
    expect(new Set(pids).size).toBe(3);
  });

  it('wait their turn beyond what the laptop grants', async ({ start }) => {
    const fn = await start({}, { environmentLimit: 2 });
    const calls = Array.from({ length: 10 }, () =>
      fn.succeed<{ pid: number }>({ do: 'sleep', ms: 10 }),
    );
    const pids = (await Promise.all(calls)).map(({ pid }) => pid);
    expect(new Set(pids).size).toBeLessThanOrEqual(2);
    expect(fn.counts.started).toBeLessThanOrEqual(2);
  });

  it('are throttled beyond the reserved concurrency', async ({ start }) => {
    const fn = await start({ reservedConcurrency: 2 });
    const results = await Promise.all([1, 2, 3, 4].map(() => fn.invoke({ do: 'sleep', ms: 50 })));
    expect(results.map(({ kind }) => kind).sort()).toEqual([
      'success',
      'success',
      'throttled',
      'throttled',
    ]);
    expect(await fn.succeed({ do: 'echo' })).toEqual({ do: 'echo' });
  });

  it('are all throttled when none is reserved', async ({ start }) => {
    const fn = await start({ reservedConcurrency: 0 });
    expect(await fn.invoke({ do: 'echo' })).toEqual({ kind: 'throttled' });
  });
});

describe('an environment that takes several calls at a time', () => {
  const three = { environmentConcurrency: 3 };

  it('is told so as AWS tells it, and takes them in one process', async ({ start }) => {
    const fn = await start(three);
    const calls = [1, 2, 3].map(() => fn.succeed<{ pid: number }>({ do: 'sleep', ms: 200 }));
    await until(() => fn.counts.busy === 1);
    const pids = (await Promise.all(calls)).map(({ pid }) => pid);
    expect(new Set(pids).size).toBe(1);
    const { calls: count, variables } = await fn.describe();
    expect(count).toBe(1);
    expect(variables).toMatchObject({ AWS_LAMBDA_MAX_CONCURRENCY: '3' });
    expect(variables).not.toHaveProperty('_X_AMZN_TRACE_ID');
    expect(fn.counts).toEqual({ starting: 0, idle: 1, busy: 0, started: 1 });
  });

  it('gives each call its own answer, context and trace', async ({ start }) => {
    const fn = await start({ environmentConcurrency: 8 });
    interface Answer {
      readonly number: number;
      readonly before: string;
      readonly after: string;
      readonly own: string;
      readonly trace: string;
    }
    const numbers = Array.from({ length: 24 }, (_, number) => number);
    const answers = await Promise.all(
      numbers.map((number) =>
        fn.succeed<Answer>({ do: 'whoAmI', number, ms: 5 + (number % 4) * 10 }),
      ),
    );
    expect(answers.map(({ number }) => number)).toEqual(numbers);
    for (const { before, after, own } of answers) expect([before, after]).toEqual([own, own]);
    expect(new Set(answers.map(({ own }) => own)).size).toBe(24);
    expect(new Set(answers.map(({ trace }) => trace)).size).toBe(24);
  });

  it('is joined by a second one when it is full', async ({ start }) => {
    const fn = await start(three, { environmentLimit: 2 });
    const calls = Array.from({ length: 9 }, () =>
      fn.succeed<{ pid: number }>({ do: 'sleep', ms: 200 }),
    );
    await until(() => fn.counts.busy === 2);
    const pids = (await Promise.all(calls)).map(({ pid }) => pid);
    expect(new Set(pids).size).toBe(2);
    expect(fn.counts.started).toBe(2);
  });

  it.for([
    [{ do: 'exit', code: 7 }, 'Runtime.ExitError', 'exit status 7'],
    [{ do: 'kill', signal: 'SIGKILL' }, 'Runtime.ExitError', 'signal: killed'],
    [{ do: 'uncaught' }, 'TypeError', 'nobody catches me'],
  ] as const)(
    'loses all of them when its process dies: %j',
    async ([event, type, message], { start }) => {
      const fn = await start(three);
      const neighbours = [1, 2].map(() => fn.fail({ do: 'sleep', ms: 60_000 }));
      await until(() => fn.counts.busy === 1);
      const errors = await Promise.all([fn.fail(event), ...neighbours]);
      for (const { errorType, errorMessage } of errors) {
        expect(errorType).toBe(type);
        expect(errorMessage).toContain(message);
      }
      expect((await fn.describe()).calls).toBe(1);
    },
  );

  it('lets the others finish when one takes too long, as managed instances do', async ({
    start,
  }) => {
    const fn = await start({ ...three, timeoutMs: 1000 });
    const { pid } = await fn.describe();
    const neighbour = fn.succeed<{ pid: number }>({ do: 'sleep', ms: 500 });
    const late = await fn.fail({ do: 'sleep', ms: 1500 });
    expect(late['errorType']).toBe('Sandbox.Timedout');
    expect((await neighbour).pid).toBe(pid);
    expect((await fn.describe()).pid).toBe(pid);
  });

  it('that cannot start costs the calls that it was started for', async ({ start }) => {
    const fn = await start({ ...three, handler: 'broken.handler' });
    const errors = await Promise.all([1, 2, 3].map(() => fn.fail({})));
    for (const { errorType } of errors) expect(errorType).toBe('SyntaxError');
    await until(() => fn.counts.starting === 0);
    expect(fn.counts.started).toBe(1);
  });

  it('counts against the reserved concurrency call by call', async ({ start }) => {
    const fn = await start({ ...three, reservedConcurrency: 2 });
    const results = await Promise.all([1, 2, 3].map(() => fn.invoke({ do: 'sleep', ms: 100 })));
    expect(results.map(({ kind }) => kind)).toEqual(['success', 'success', 'throttled']);
  });
});
