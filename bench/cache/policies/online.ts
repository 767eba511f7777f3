import { LeaseCache } from '../../../src/models/lease-cache.ts';
import type { Item, Outcome, Trace } from './trace.ts';

/** The project's own cache, each call's lease given back before the next one, as on Lambda. */
export async function leaseCache(trace: Trace, budgetBytes: number): Promise<Outcome> {
  let hits = 0;
  let costMs = 0;
  const cache = new LeaseCache<string>({
    budgetBytes,
    dispose: () => undefined,
    nowMs: () => costMs,
    failureTtlMs: 0,
    remembers: () => false,
  });
  for (const item of trace) {
    const lease = await cache.acquire(item.key, async (makeRoom) => {
      makeRoom(item.sizeBytes);
      costMs += item.costMs;
      return { value: item.key, sizeBytes: item.sizeBytes, costMs: item.costMs };
    });
    if (lease.hit) hits += 1;
    lease.release();
  }
  return { hits, costMs };
}

/** Plain LRU: what was used longest ago leaves, until the new one fits. */
export function leastRecentlyUsed(trace: Trace, budgetBytes: number): Outcome {
  let hits = 0;
  let costMs = 0;
  let totalBytes = 0;
  /** By time of last use, the longest ago first. */
  const kept = new Map<string, Item>();
  for (const item of trace) {
    if (kept.delete(item.key)) {
      hits += 1;
    } else {
      costMs += item.costMs;
      totalBytes += item.sizeBytes;
      for (const [key, { sizeBytes }] of kept) {
        if (totalBytes <= budgetBytes) break;
        kept.delete(key);
        totalBytes -= sizeBytes;
      }
    }
    kept.set(item.key, item);
  }
  return { hits, costMs };
}
