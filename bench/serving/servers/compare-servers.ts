import { type Load, type LoadRequest, load } from '../../http-load.ts';
import { printTable, quantile } from '../../measure.ts';

/** The same work, as each server is asked for it; the first is the yardstick. */
export interface ServerCase {
  readonly name: string;
  readonly targets: readonly { readonly name: string; readonly request: LoadRequest }[];
  /** Requests to each server in each round. */
  readonly requests: number;
}

const rounds = 8;

/**
 * Sends each case's requests to one server after the other, round by round, and prints requests per second, their
 * ratio to the yardstick's, and the latencies.
 */
export async function compareServers(
  cases: readonly ServerCase[],
  concurrencies: readonly number[],
): Promise<void> {
  const rows: string[][] = [];
  for (const { name, targets, requests } of cases) {
    for (const concurrency of concurrencies) {
      const loads: Load[][] = targets.map(() => []);
      // The first round warms up: compilers, and the models that are loaded by the first call.
      for (let round = 0; round <= rounds; round++) {
        for (const [index, { request }] of targets.entries()) {
          const done = await load(request, { requests, concurrency });
          if (round > 0) loads[index]?.push(done);
        }
      }
      const rates = loads.map(requestsPerSecond);
      for (const [index, target] of targets.entries()) {
        const latenciesMs = loads[index]?.flatMap((each) => each.latenciesMs) ?? [];
        const rate = rates[index] ?? Number.NaN;
        rows.push([
          name,
          `${concurrency}`,
          target.name,
          rate.toFixed(rate < 100 ? 1 : 0),
          (rate / (rates[0] ?? Number.NaN)).toFixed(2),
          quantile(latenciesMs, 0.5).toFixed(2),
          quantile(latenciesMs, 0.99).toFixed(2),
        ]);
      }
    }
  }
  printTable(
    ['request', 'connections', 'server', 'requests/s', 'to the first', 'p50 ms', 'p99 ms'],
    rows,
  );
}

function requestsPerSecond(loads: readonly Load[]): number {
  const requests = loads.reduce((sum, { latenciesMs }) => sum + latenciesMs.length, 0);
  const elapsedMs = loads.reduce((sum, each) => sum + each.elapsedMs, 0);
  return (requests / elapsedMs) * 1000;
}
