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
 * Rounds that warm up before a case's first measurement, and before each further one: the models are loaded by the first call,
 * and V8 makes its best code after some 12,000. A server that is a few hundred requests old is not what anyone runs.
 */
const firstWarmUpRounds = 15;
const warmUpRounds = 2;

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
    for (const [step, concurrency] of concurrencies.entries()) {
      const loads: Load[][] = targets.map(() => []);
      const warmUp = requests * (step === 0 ? firstWarmUpRounds : warmUpRounds);
      for (const { request } of targets) await load(request, { requests: warmUp, concurrency });
      for (let round = 0; round < rounds; round++) {
        for (const [index, { request }] of targets.entries()) {
          loads[index]?.push(await load(request, { requests, concurrency }));
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
