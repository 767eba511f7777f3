/** Where the time of one call went, in milliseconds. */
export interface Timings {
  /** Reading the files of a model that was not on disk; 0 for a hit. */
  downloadMs: number;
  /** Making the session of a model that was not in memory; 0 for a hit. */
  createMs: number;
  decodeMs: number;
  /** Waiting for other calls of the same environment. */
  queueMs: number;
  runMs: number;
  encodeMs: number;
}

export function noTimings(): Timings {
  return { downloadMs: 0, createMs: 0, decodeMs: 0, queueMs: 0, runMs: 0, encodeMs: 0 };
}
