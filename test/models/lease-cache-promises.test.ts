import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LeaseCache } from '../../src/models/lease-cache.ts';

describe('the lease cache', () => {
  it('keeps its promises over any sequence of acquisitions, releases and drops', async () => {
    const step = fc.record({
      action: fc.constantFrom('acquire', 'release', 'drop', 'shrink'),
      key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      sizeBytes: fc.integer({ min: 1, max: 60 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const budgetBytes = 100;
        const alive = new Map<string, number>();
        let serial = 0;
        const cache = new LeaseCache<string>({
          budgetBytes,
          dispose: (_key, value) => {
            expect(alive.delete(value)).toBe(true);
          },
          nowMs: () => 0,
          failureTtlMs: 0,
          remembers: () => false,
        });
        const held: { value: string; release(): void }[] = [];
        for (const { action, key, sizeBytes } of steps) {
          if (action === 'acquire') {
            const lease = await cache.acquire(key, async () => {
              const value = `${key}${serial++}`;
              alive.set(value, sizeBytes);
              return { value, sizeBytes, costMs: 1 };
            });
            held.push(lease);
          } else if (action === 'release') held.shift()?.release();
          else if (action === 'drop') cache.drop(key);
          else cache.shrinkTo(sizeBytes);
          // What is leased is alive, and what is idle fits the budget.
          for (const { value } of held) expect(alive.has(value)).toBe(true);
          const leasedBytes = [...new Set(held.map(({ value }) => value))].reduce(
            (sum, value) => sum + (alive.get(value) ?? 0),
            0,
          );
          expect(cache.totalBytes).toBeLessThanOrEqual(Math.max(budgetBytes, leasedBytes));
        }
        for (const lease of held) lease.release();
        cache.shrinkTo(0);
        expect(alive.size).toBe(0);
        expect(cache.totalBytes).toBe(0);
      }),
      { numRuns: 300, seed: 1 },
    );
  });
});
