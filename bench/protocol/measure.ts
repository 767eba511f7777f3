/** One thing to measure, under the name that its line has. */
export interface Candidate {
  readonly name: string;
  readonly run: () => unknown;
}

/**
 * Medians in milliseconds of candidates that take turns, so that a slow moment of the machine falls on all of them.
 * The first `warmUps` rounds do not count.
 */
export function medians(
  candidates: readonly Candidate[],
  options: { readonly rounds: number; readonly warmUps: number; readonly repeat?: number },
): ReadonlyMap<string, number> {
  const repeat = options.repeat ?? 1;
  const samples = new Map<string, number[]>(candidates.map(({ name }) => [name, []]));
  for (let round = 0; round < options.warmUps + options.rounds; round++) {
    for (const { name, run } of candidates) {
      const start = performance.now();
      for (let time = 0; time < repeat; time++) run();
      if (round >= options.warmUps) samples.get(name)?.push((performance.now() - start) / repeat);
    }
  }
  return new Map(Array.from(samples, ([name, times]) => [name, median(times)]));
}

/** As `medians`, for candidates that may be asynchronous. */
export async function mediansAsync(
  candidates: readonly Candidate[],
  options: { readonly rounds: number; readonly warmUps: number },
): Promise<ReadonlyMap<string, number>> {
  const samples = new Map<string, number[]>(candidates.map(({ name }) => [name, []]));
  for (let round = 0; round < options.warmUps + options.rounds; round++) {
    for (const { name, run } of candidates) {
      const start = performance.now();
      await run();
      if (round >= options.warmUps) samples.get(name)?.push(performance.now() - start);
    }
  }
  return new Map(Array.from(samples, ([name, times]) => [name, median(times)]));
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** Prints each candidate's median and its ratio to the first one, which is the yardstick. */
export function report(title: string, results: ReadonlyMap<string, number>): void {
  console.log(`\n${title}`);
  const [yardstick = Number.NaN] = results.values();
  for (const [name, ms] of results) {
    console.log(
      `  ${name.padEnd(56)} ${ms.toFixed(4).padStart(10)} ms  ${(ms / yardstick).toFixed(2)}x`,
    );
  }
}

/** Numbers in [-2, 2), the same in every run. */
export function pseudoRandom(count: number): Float32Array {
  let state = 12_345;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state / 0x7fffffff - 0.5) * 4;
  });
}
