import { SeededRandom } from '../../../test/support/random.ts';

/** A model as the cache sees it. */
export interface Item {
  readonly key: string;
  readonly sizeBytes: number;
  /** Time to load it. */
  readonly costMs: number;
}

/** Which item each call is for. */
export type Trace = readonly Item[];

/** What a policy came to over a trace. */
export interface Outcome {
  readonly hits: number;
  /** Time spent loading. */
  readonly costMs: number;
}

const bytesPerMiB = 1024 * 1024;

/**
 * Models from 2 to 400 MiB, as many small as large by order of magnitude. A load takes 60 ms whatever the model, the
 * download at 80 MiB/s, and 0.5 to 10 ms a MiB to make the session: a graph of many small operators takes longer than
 * one large matrix (docs/performance.md has both).
 */
export function seededItems(count: number, seed: number): Item[] {
  const random = new SeededRandom(seed);
  return Array.from({ length: count }, (_, index) => {
    const sizeMiB = 2 * 200 ** random.unit();
    const createMsPerMiB = 0.5 * 20 ** random.unit();
    return {
      key: `model-${index}`,
      sizeBytes: Math.round(sizeMiB * bytesPerMiB),
      costMs: 60 + (sizeMiB / 80) * 1000 + sizeMiB * createMsPerMiB,
    };
  });
}

/**
 * Calls whose item has rank r with a probability in proportion to r ** -exponent (Zipf), independent of size and cost.
 *
 * @param reshuffleEvery calls after which the ranks are drawn anew; undefined for never
 */
export function zipfTrace(
  items: readonly Item[],
  options: {
    readonly calls: number;
    readonly exponent: number;
    readonly seed: number;
    readonly reshuffleEvery?: number | undefined;
  },
): Trace {
  const random = new SeededRandom(options.seed);
  const weights = items.map((_, index) => (index + 1) ** -options.exponent);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let ranked = shuffled(items, random);
  return Array.from({ length: options.calls }, (_, call) => {
    const { reshuffleEvery } = options;
    if (reshuffleEvery !== undefined && call > 0 && call % reshuffleEvery === 0) {
      ranked = shuffled(items, random);
    }
    let rest = random.unit() * total;
    const rank = weights.findIndex((weight) => {
      rest -= weight;
      return rest < 0;
    });
    const item = ranked.at(rank);
    if (item === undefined) throw new RangeError('expected at least one item');
    return item;
  });
}

function shuffled(items: readonly Item[], random: SeededRandom): Item[] {
  return items
    .map((item) => ({ item, place: random.unit() }))
    .sort((left, right) => left.place - right.place)
    .map(({ item }) => item);
}
