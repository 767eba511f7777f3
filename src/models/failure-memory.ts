export interface FailureMemoryOptions {
  /** Milliseconds of a clock that never runs back. */
  readonly nowMs: () => number;
  /** How long a failed load is answered from memory: a storm of calls for something broken costs one load. */
  readonly failureTtlMs: number;
  /** Which failures are remembered. */
  readonly remembers: (thrown: unknown) => boolean;
}

interface Failure {
  readonly thrown: unknown;
  readonly untilMs: number;
}

/** Failures are small, but their keys come from callers. */
const maximumFailures = 1_000;

/** What the last load of each key threw, for a while. */
export class FailureMemory {
  readonly #options: FailureMemoryOptions;
  readonly #failures = new Map<string, Failure>();

  constructor(options: FailureMemoryOptions) {
    this.#options = options;
  }

  remember(key: string, thrown: unknown): void {
    if (!this.#options.remembers(thrown)) return;
    if (this.#failures.size >= maximumFailures) this.#failures.clear();
    const untilMs = this.#options.nowMs() + this.#options.failureTtlMs;
    this.#failures.set(key, { thrown, untilMs });
  }

  /** What the last load of a key threw, however long ago; undefined once it is forgotten. */
  of(key: string): unknown {
    return this.#failures.get(key)?.thrown;
  }

  /** @throws what the last load of a key threw, while that is fresh; forgets it when it no longer is */
  throwFresh(key: string): void {
    const failure = this.#failures.get(key);
    if (failure === undefined) return;
    if (this.#options.nowMs() < failure.untilMs) throw failure.thrown;
    this.#failures.delete(key);
  }

  forget(key: string): void {
    this.#failures.delete(key);
  }
}
