import { describe, expect, it } from 'vitest';
import { eventually } from '../sqs/harness.ts';
import { start, success } from './harness.ts';

describe.concurrent('an event source mapping', () => {
  it('tries again with the same messages while it is throttled, which costs them no receive', async ({
    onTestFinished,
  }) => {
    let calls = 0;
    const { drained, events, mapping } = await start(
      onTestFinished,
      () => {
        calls += 1;
        return calls <= 2 ? { kind: 'throttled' } : success();
      },
      { bodies: ['x'], visibilityTimeoutSeconds: 30, maxReceiveCount: 1 },
    );
    expect(await drained()).toBe(0);
    expect(events.map(({ Records }) => Records[0]?.attributes.ApproximateReceiveCount)).toEqual([
      '1',
      '1',
      '1',
    ]);
    expect(mapping.counts).toMatchObject({ throttles: 2, invocations: 1 });
  });

  it('lets messages go when it is throttled for longer than they are its own', async ({
    onTestFinished,
  }) => {
    const { events, mapping, warnings } = await start(
      onTestFinished,
      () => ({ kind: 'throttled' }),
      { bodies: ['x'] },
    );
    const receives = () =>
      new Set(events.map(({ Records }) => Records[0]?.attributes.ApproximateReceiveCount));
    await eventually(
      () => receives().size,
      (size) => size >= 2,
    );
    expect([...receives()].slice(0, 2)).toEqual(['1', '2']);
    expect(mapping.counts).toMatchObject({ invocations: 0, deleted: 0 });
    expect(mapping.counts.throttles).toBeGreaterThan(2);
    expect(warnings.join()).toContain('no environment was free for 1 message(s)');
  });
});
