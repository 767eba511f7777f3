/** One thing to measure, under the name that its line has. */
export interface Candidate {
  readonly name: string;
  readonly run: () => unknown;
}

export interface Rounds {
  readonly rounds: number;
  /** Rounds before, which do not count. @default a tenth of the rounds, 3 at least */
  readonly warmUps?: number;
  /** Runs that are timed as one, where one is too short for the clock. @default 1 */
  readonly repeat?: number;
}

/**
 * Times several pieces of work, each done once a round in turn, so that a slow moment of the machine falls on all.
 *
 * @returns milliseconds of one run in each round, in the order of `works`
 */
export async function samples(
  { rounds, warmUps = Math.max(3, Math.ceil(rounds / 10)), repeat = 1 }: Rounds,
  works: readonly (() => unknown)[],
): Promise<readonly (readonly number[])[]> {
  const timed = works.map((work) => ({ work, times: [] as number[] }));
  for (let round = 0; round < warmUps + rounds; round++) {
    // Another one begins each round: who comes second pays for collecting the garbage of the first.
    const first = round % timed.length;
    for (const { work, times } of [...timed.slice(first), ...timed.slice(0, first)]) {
      const ms = await timeOf(work, repeat);
      if (round >= warmUps) times.push(ms);
    }
  }
  return timed.map(({ times }) => times);
}

async function timeOf(work: () => unknown, repeat: number): Promise<number> {
  const startMs = performance.now();
  for (let run = 0; run < repeat; run++) {
    const result = work();
    // What is not asynchronous is not made so: awaiting takes as long as the smallest pieces of work.
    if (result instanceof Promise) await result;
  }
  return (performance.now() - startMs) / repeat;
}

/** Medians of what `samples` times, in milliseconds. */
export async function interleave(
  rounds: number,
  works: readonly (() => unknown)[],
): Promise<number[]> {
  return (await samples({ rounds }, works)).map((each) => median(each));
}

/**
 * Prints the median of each candidate, and the median of its ratios, round by round, to the first one, which is the
 * yardstick.
 */
export async function compare(
  title: string,
  candidates: readonly Candidate[],
  rounds: Rounds,
): Promise<void> {
  const times = await samples(
    rounds,
    candidates.map(({ run }) => run),
  );
  console.log(`\n${title}\n`);
  printTable(
    ['', 'ms', 'ratio'],
    candidates.map(({ name }, index) => [
      name,
      median(times[index] ?? []).toFixed(4),
      medianRatio(times[index] ?? [], times[0] ?? []).toFixed(2),
    ]),
  );
}

/** The median of `times` to `yardsticks`, round by round. */
export function medianRatio(times: readonly number[], yardsticks: readonly number[]): number {
  return median(times.map((time, round) => time / (yardsticks[round] ?? Number.NaN)));
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** @param share 0.5 for the median, 0.99 for the 99th percentile */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function microseconds(ms: number): string {
  return `${(ms * 1000).toFixed(0)} µs`;
}

/** Prints a Markdown table, ready for docs/performance.md. */
export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const line = (cells: readonly string[]) => console.log(`| ${cells.join(' | ')} |`);
  line(head);
  line(head.map(() => '---'));
  for (const row of rows) line(row);
}

/** Numbers in [-2, 2), the same in every run. */
export function pseudoRandom(count: number): Float32Array {
  let state = 12_345;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state / 0x7fffffff - 0.5) * 4;
  });
}
