import { printTable } from '../measure.ts';
import { clairvoyant, upperBound } from './policies/offline.ts';
import { leaseCache, leastRecentlyUsed } from './policies/online.ts';
import { type Outcome, seededItems, type Trace, zipfTrace } from './policies/trace.ts';

/**
 * The session cache's choice of what to evict: 50 models that do not fit, called by Zipf's law, against plain LRU, a
 * policy that knows the future, and a bound that none can pass. Seeded: the figures are the same on every machine.
 * Run: npm run bench -- cache/zipf
 */
const calls = 20_000;
const seeds = [1, 2, 3, 4, 5];

interface Scenario {
  readonly exponent: number;
  /** Budget, as a share of all models' bytes. */
  readonly share: number;
  readonly reshuffleEvery?: number;
}

const scenarios: readonly Scenario[] = [
  { exponent: 1, share: 0.1 },
  { exponent: 1, share: 0.25 },
  { exponent: 1, share: 0.5 },
  { exponent: 0.7, share: 0.25 },
  { exponent: 1.3, share: 0.25 },
  { exponent: 1, share: 0.25, reshuffleEvery: 2_000 },
];

const policies: readonly [string, (trace: Trace, budgetBytes: number) => Promise<Outcome>][] = [
  ['LRU', async (trace, budgetBytes) => leastRecentlyUsed(trace, budgetBytes)],
  ['LeaseCache', leaseCache],
  ['knows the future', async (trace, budgetBytes) => clairvoyant(trace, budgetBytes)],
  ['bound', async (trace, budgetBytes) => upperBound(trace, budgetBytes)],
];

/** The mean of a policy over all seeds: hit ratio, and seconds of loading in 1,000 calls. */
async function meanOf(
  run: (trace: Trace, budgetBytes: number) => Promise<Outcome>,
  { share, ...zipf }: Scenario,
): Promise<{ hitRatio: number; costSeconds: number }> {
  let hits = 0;
  let costMs = 0;
  for (const seed of seeds) {
    const items = seededItems(50, seed);
    const budgetBytes = share * items.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const outcome = await run(zipfTrace(items, { ...zipf, calls, seed: seed + 100 }), budgetBytes);
    hits += outcome.hits;
    costMs += outcome.costMs;
  }
  const total = calls * seeds.length;
  return { hitRatio: hits / total, costSeconds: costMs / total };
}

const rows: string[][] = [];
for (const scenario of scenarios) {
  const { exponent, share, reshuffleEvery } = scenario;
  const name = `Zipf ${exponent}, budget ${share * 100} %${reshuffleEvery === undefined ? '' : ', new ranks every 2,000 calls'}`;
  const means = await Promise.all(policies.map(([, run]) => meanOf(run, scenario)));
  rows.push([
    name,
    ...means.map(
      ({ hitRatio, costSeconds }) =>
        `${(hitRatio * 100).toFixed(1)} %, ${costSeconds.toFixed(2)} s`,
    ),
  ]);
}
console.log('hit ratio, and seconds of loading in 1,000 calls\n');
printTable(['', ...policies.map(([name]) => name)], rows);
