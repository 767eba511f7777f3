import { setFlagsFromString } from 'node:v8';

/**
 * Bodies of calls and inputs of jobs lie outside of V8's heap, but make it collect that whole each dozen of half a
 * megabyte. It may grow to five times what the last collection left before the next one: some 20 MB more at the peak of
 * calls, none at that of jobs, and a sixth more records of 600 KB (docs/performance.md).
 */
export function letHeapGrow(): void {
  setFlagsFromString('--heap-growing-percent=400');
}
