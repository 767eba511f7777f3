/** One thing to measure, under the name that its line has. */
export interface Candidate {
  readonly name: string;
  readonly run: () => unknown;
}

export interface MeasureOptions {
  readonly rounds: number;
  /** Rounds before those that count. */
  readonly warmUps: number;
  /** Runs of one sample, for what is too short to time alone. @default 1 */
  readonly repeat?: number;
}

/**
 * Measures candidates that take turns, so that a slow moment of the machine falls on all of them, and prints the
 * median of each and the median of its ratios, round by round, to the first one, which is the yardstick.
 */
export async function compare(
  title: string,
  candidates: readonly Candidate[],
  options: MeasureOptions,
): Promise<void> {
  const samples = candidates.map(({ name, run }) => ({ name, run, times: [] as number[] }));
  for (let round = 0; round < options.warmUps + options.rounds; round++) {
    // Another one begins each round: who comes second pays for collecting the garbage of the first.
    const first = round % samples.length;
    for (const { run, times } of [...samples.slice(first), ...samples.slice(0, first)]) {
      const time = await sample(run, options.repeat ?? 1);
      if (round >= options.warmUps) times.push(time);
    }
  }
  console.log(`\n${title}`);
  const yardstick = samples[0]?.times ?? [];
  for (const { name, times } of samples) {
    const ratios = times.map((time, round) => time / (yardstick[round] ?? Number.NaN));
    const ms = median(times).toFixed(4).padStart(10);
    console.log(`  ${name.padEnd(56)} ${ms} ms  ${median(ratios).toFixed(2)}x`);
  }
}

/** Milliseconds of one run. */
async function sample(run: () => unknown, repeat: number): Promise<number> {
  const start = performance.now();
  for (let time = 0; time < repeat; time++) {
    const result = run();
    if (result instanceof Promise) await result;
  }
  return (performance.now() - start) / repeat;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** Numbers in [-2, 2), the same in every run. */
export function pseudoRandom(count: number): Float32Array {
  let state = 12_345;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state / 0x7fffffff - 0.5) * 4;
  });
}
