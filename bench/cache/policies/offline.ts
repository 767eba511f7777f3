import type { Item, Outcome, Trace } from './trace.ts';

/** For each call, the number of the next one for the same item; the trace's length for none. */
function nextUses(trace: Trace): number[] {
  const next: number[] = [];
  const seen = new Map<string, number>();
  for (let call = trace.length - 1; call >= 0; call--) {
    const { key } = trace[call] ?? { key: '' };
    next[call] = seen.get(key) ?? trace.length;
    seen.set(key, call);
  }
  return next;
}

/**
 * Belady's rule with sizes and costs, knowing the future: the item leaves that saves the least time for the bytes and
 * calls that it would take until its next use. Finding the best choice is NP-hard once sizes differ; this is a good one
 * that could be reached, and so a floor under the optimum.
 */
export function clairvoyant(trace: Trace, budgetBytes: number): Outcome {
  const next = nextUses(trace);
  const kept = new Map<string, { readonly item: Item; readonly nextUse: number }>();
  let hits = 0;
  let costMs = 0;
  let totalBytes = 0;
  for (const [call, item] of trace.entries()) {
    const nextUse = next[call] ?? trace.length;
    if (kept.has(item.key)) {
      hits += 1;
    } else {
      costMs += item.costMs;
      totalBytes += item.sizeBytes;
    }
    kept.set(item.key, { item, nextUse });
    // The one that was just called may leave at once: nobody calls it again for longest.
    while (totalBytes > budgetBytes) {
      let worst: Item | undefined;
      let worstWorth = Number.POSITIVE_INFINITY;
      for (const { item: candidate, nextUse: use } of kept.values()) {
        const worth =
          use === trace.length ? 0 : candidate.costMs / candidate.sizeBytes / (use - call);
        if (worth < worstWorth) {
          worst = candidate;
          worstWorth = worth;
        }
      }
      if (worst === undefined) break;
      kept.delete(worst.key);
      totalBytes -= worst.sizeBytes;
    }
  }
  return { hits, costMs };
}

/**
 * What no policy can surpass, once for hits and once for cost: PFOO-L of Berger, Beckmann and Harchol-Balter,
 * "Practical Bounds on Optimal Caching with Variable Object Sizes" (SIGMETRICS 2018). Keeping an item from one call for
 * it to the next takes its bytes for that many calls; all that a cache has is its budget times the length of the trace,
 * and that is spent on what saves most for the least, whether or not it fits at every moment.
 */
export function upperBound(trace: Trace, budgetBytes: number): Outcome {
  const total = trace.reduce((sum, { costMs }) => sum + costMs, 0);
  return {
    hits: mostSaved(trace, budgetBytes, () => 1),
    costMs: total - mostSaved(trace, budgetBytes, ({ costMs }) => costMs),
  };
}

function mostSaved(trace: Trace, budgetBytes: number, worthOf: (item: Item) => number): number {
  const next = nextUses(trace);
  const intervals = trace.flatMap((item, call) => {
    const until = next[call] ?? trace.length;
    if (until === trace.length) return [];
    return [{ worth: worthOf(item), space: item.sizeBytes * (until - call) }];
  });
  intervals.sort((left, right) => right.worth / right.space - left.worth / left.space);
  let space = budgetBytes * trace.length;
  let saved = 0;
  for (const interval of intervals) {
    const share = Math.min(1, space / interval.space);
    saved += interval.worth * share;
    space -= interval.space * share;
    if (space <= 0) break;
  }
  return saved;
}
