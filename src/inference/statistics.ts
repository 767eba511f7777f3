import type { PinnedModel } from '../models/reference.ts';
import type { Tensor, TensorMetadata } from '../protocol/tensor.ts';
import type { Timings } from './timings.ts';

/** What one call was of a model. */
export interface Work {
  /** What the model was run on. */
  rows: number;
  /** Runs to count for it: calls that share one run count it once together. */
  executions: number;
}

export function noWork(): Work {
  return { rows: 0, executions: 0 };
}

/** How many rows tensors carry: the first dimension of the first, where the model lets that vary; else one. */
export function rowsOf(inputs: readonly Tensor[], expected: readonly TensorMetadata[]): number {
  const [first] = inputs;
  const metadata = expected.find(({ name }) => name === first?.name);
  return metadata?.shape[0] === -1 ? (first?.shape[0] ?? 1) : 1;
}

/** A count and the time that it took together. */
export interface DurationTotal {
  readonly count: number;
  /** Nanoseconds. */
  readonly ns: number;
}

/** Statistics of one model version since this environment began (Triton's statistics extension). */
export interface ModelStatistics {
  readonly name: string;
  readonly version: string;
  /** Milliseconds since 1970. */
  readonly last_inference: number;
  /** Rows. */
  readonly inference_count: number;
  /** Runs. */
  readonly execution_count: number;
  readonly inference_stats: {
    readonly success: DurationTotal;
    readonly fail: DurationTotal;
    readonly queue: DurationTotal;
    readonly compute_input: DurationTotal;
    readonly compute_infer: DurationTotal;
    readonly compute_output: DurationTotal;
    readonly cache_hit: DurationTotal;
    readonly cache_miss: DurationTotal;
  };
  readonly batch_stats: readonly never[];
}

interface Counter {
  count: number;
  ms: number;
}

interface Counters {
  readonly pinned: PinnedModel;
  lastInferenceMs: number;
  rows: number;
  executions: number;
  readonly success: Counter;
  readonly fail: Counter;
  readonly queue: Counter;
  readonly decode: Counter;
  readonly run: Counter;
  readonly encode: Counter;
}

/** More versions than one environment meets; past it the one that has been quiet for longest is forgotten. */
const maximumVersions = 1_000;

/** Counts what this environment did, model version by model version. */
export class InferenceStatistics {
  readonly #counters = new Map<string, Counters>();
  /** What was counted for last: mostly it is the next one too. */
  #latest: Counters | undefined;
  readonly #epochMs: () => number;

  /** @param epochMs milliseconds since 1970 */
  constructor(epochMs: () => number) {
    this.#epochMs = epochMs;
  }

  succeeded(pinned: PinnedModel, { rows, executions }: Readonly<Work>, timings: Timings): void {
    const counters = this.#countersOf(pinned);
    counters.lastInferenceMs = this.#epochMs();
    counters.rows += rows;
    counters.executions += executions;
    add(counters.success, timings.decodeMs + timings.queueMs + timings.runMs + timings.encodeMs);
    add(counters.queue, timings.queueMs);
    add(counters.decode, timings.decodeMs);
    add(counters.run, timings.runMs);
    add(counters.encode, timings.encodeMs);
  }

  failed(pinned: PinnedModel, elapsedMs: number): void {
    add(this.#countersOf(pinned).fail, elapsedMs);
  }

  /** @param model only this one; undefined for all */
  report(model?: string, version?: string): ModelStatistics[] {
    return [...this.#counters.values()]
      .filter(({ pinned }) => model === undefined || pinned.model === model)
      .filter(({ pinned }) => version === undefined || pinned.version === version)
      .map(toStatistics);
  }

  #countersOf(pinned: PinnedModel): Counters {
    const { model, version } = pinned;
    const latest = this.#latest;
    if (latest?.pinned.model === model && latest.pinned.version === version) return latest;
    const key = `${model}/${version}`;
    const counters = this.#counters.get(key) ?? newCounters(pinned);
    // Re-inserted, so that the map's order is the order of last use.
    this.#counters.delete(key);
    const [oldest] = this.#counters.keys();
    if (this.#counters.size >= maximumVersions && oldest !== undefined) {
      this.#counters.delete(oldest);
    }
    this.#counters.set(key, counters);
    this.#latest = counters;
    return counters;
  }
}

function newCounters(pinned: PinnedModel): Counters {
  const counter = (): Counter => ({ count: 0, ms: 0 });
  return {
    pinned,
    lastInferenceMs: 0,
    rows: 0,
    executions: 0,
    success: counter(),
    fail: counter(),
    queue: counter(),
    decode: counter(),
    run: counter(),
    encode: counter(),
  };
}

function add(counter: Counter, ms: number): void {
  counter.count += 1;
  counter.ms += ms;
}

function total({ count, ms }: Counter): DurationTotal {
  return { count, ns: Math.round(ms * 1_000_000) };
}

function toStatistics(counters: Counters): ModelStatistics {
  const { pinned, lastInferenceMs, rows, executions } = counters;
  const none: DurationTotal = { count: 0, ns: 0 };
  return {
    name: pinned.model,
    version: pinned.version,
    last_inference: lastInferenceMs,
    inference_count: rows,
    execution_count: executions,
    inference_stats: {
      success: total(counters.success),
      fail: total(counters.fail),
      queue: total(counters.queue),
      compute_input: total(counters.decode),
      compute_infer: total(counters.run),
      compute_output: total(counters.encode),
      // A response cache is not kept; a session's hit or miss is another thing and shows in the metrics.
      cache_hit: none,
      cache_miss: none,
    },
    batch_stats: [],
  };
}
