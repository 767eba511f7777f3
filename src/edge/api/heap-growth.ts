import { setFlagsFromString } from 'node:v8';

/**
 * Bodies of calls lie outside of V8's heap, but make it collect that whole each dozen calls of half a megabyte. It may
 * grow to five times what the last collection left before the next one: some 20 MB more at its peak
 * (docs/performance.md). Jobs do without: their inputs would stay in memory for longer, and they are no faster.
 */
export function letHeapGrow(): void {
  setFlagsFromString('--heap-growing-percent=400');
}
