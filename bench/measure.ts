/**
 * Medians of several pieces of work, each done once a round in turn, so that a machine that drifts is as slow for one
 * as for the other. A tenth of the rounds runs before and is not counted.
 *
 * @returns milliseconds, in the order of `works`
 */
export async function interleave(
  rounds: number,
  works: readonly (() => Promise<void>)[],
): Promise<number[]> {
  const times: number[][] = works.map(() => []);
  const warmUps = Math.max(3, Math.ceil(rounds / 10));
  for (let round = -warmUps; round < rounds; round++) {
    for (const [index, work] of works.entries()) {
      const startMs = performance.now();
      await work();
      if (round >= 0) times[index]?.push(performance.now() - startMs);
    }
  }
  return times.map((each) => median(each));
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
