/** What keeping a value is weighed by. */
export interface Weight {
  readonly sizeBytes: number;
  /** The time to load it again. */
  readonly costMs: number;
  readonly uses: number;
}

const bytesPerMiB = 1024 * 1024;
/** Uses that count: were there no end to them, what was once called often would outstay what is called now. */
const countedUses = 16;

/**
 * The order of eviction: Greedy-Dual-Size-Frequency (Cherkasova, HP Labs 1998, "Improving WWW Proxies Performance with
 * Greedy-Dual-Size-Frequency Caching Policy"). Priority = clock + uses * cost / size, and the clock rises to the
 * priority of what was evicted, so that old fame fades; uses count up to a limit, so that it fades in time
 * (bench/cache/zipf.ts).
 */
export class GreedyDual {
  #clock = 0;

  /** The priority of something that is used now: the lowest leaves first. */
  priorityOf({ sizeBytes, costMs, uses }: Weight): number {
    const counted = Math.min(uses, countedUses);
    return this.#clock + (counted * costMs * bytesPerMiB) / Math.max(1, sizeBytes);
  }

  /** To be told of each eviction. */
  evicted(priority: number): void {
    this.#clock = Math.max(this.#clock, priority);
  }
}
