import { FailureMemory, type FailureMemoryOptions } from './failure-memory.ts';
import { GreedyDual } from './greedy-dual.ts';

/** What a load gives the cache. */
export interface Loaded<V> {
  readonly value: V;
  /** What keeping it takes, in bytes of the cache's budget. */
  readonly sizeBytes: number;
  /** What losing it costs: the time to load it again. */
  readonly costMs: number;
}

/** A value that stays until `release` is called, once. */
export interface Lease<V> {
  readonly value: V;
  /** Whether it was there already. */
  readonly hit: boolean;
  release(): void;
}

/** Why a value leaves: to make room, or because it was dropped. */
export type Departure = 'evicted' | 'dropped';

/**
 * Makes room for what a load is about to bring, and holds it until the load ends.
 *
 * @returns whether there is room: what is leased stays, whatever comes
 */
export type MakeRoom = (expectedBytes: number) => boolean;

export interface LeaseCacheOptions<V> extends FailureMemoryOptions {
  readonly budgetBytes: number;
  /** Gives back what a value holds; called once for each value that leaves. It must not fail. */
  readonly dispose: (key: string, value: V, departure: Departure) => void | Promise<void>;
}

interface Entry<V> {
  readonly value: V;
  readonly sizeBytes: number;
  readonly costMs: number;
  uses: number;
  leases: number;
  /** As of its last use: the lowest leaves first. */
  priority: number;
}

interface Loading<V> {
  readonly entry: Promise<Entry<V>>;
  /** How many acquisitions wait for it. */
  waiting: number;
}

/**
 * A cache with a budget in bytes, whose values are leased: what is in use is never evicted, and a value that many
 * wait for is loaded once.
 *
 * Invariants:
 * - `#totalBytes` is the sum over `#entries`, and what is idle is in it only as far as the budget has room beside what
 *   is leased and what loads under way have asked for. `#makeRoom` restores it wherever one of these changes: when a
 *   load asks for room, when it brings its value, when a last lease ends.
 * - A value is disposed exactly once: as it leaves `#entries` when nobody holds it, else when its last lease ends.
 *   `#remove` and `#settle` are the only places.
 * - At most one load of a key is under way, and its entry comes into `#entries` leased to all that wait for it.
 * - A load that fails leaves nothing behind but its remembered failure.
 */
export class LeaseCache<V> {
  readonly #options: LeaseCacheOptions<V>;
  readonly #failures: FailureMemory;
  readonly #order = new GreedyDual();
  readonly #entries = new Map<string, Entry<V>>();
  readonly #loading = new Map<string, Loading<V>>();
  #totalBytes = 0;
  /** Room held for loads under way. */
  #expectedBytes = 0;

  constructor(options: LeaseCacheOptions<V>) {
    this.#options = options;
    this.#failures = new FailureMemory(options);
  }

  get totalBytes(): number {
    return this.#totalBytes;
  }

  get size(): number {
    return this.#entries.size;
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  keys(): string[] {
    return [...this.#entries.keys()];
  }

  values(): V[] {
    return Array.from(this.#entries.values(), ({ value }) => value);
  }

  /** What the last load of a key threw, until the next one of it begins. */
  failureOf(key: string): unknown {
    return this.#failures.of(key);
  }

  /** Lets the next acquisition of a key try again, whatever the last one came to. */
  forgetFailure(key: string): void {
    this.#failures.forget(key);
  }

  /** The value when it is there, leased; undefined otherwise. */
  lease(key: string): Lease<V> | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    entry.leases += 1;
    return this.#held(key, entry, true);
  }

  /**
   * The value, loaded when it is not there.
   *
   * @param load asks for room once it is sure to need it: what fails before that has cost nobody their place
   * @throws what `load` threw, also for a while after
   */
  async acquire(key: string, load: (makeRoom: MakeRoom) => Promise<Loaded<V>>): Promise<Lease<V>> {
    const found = this.lease(key);
    if (found !== undefined) return found;
    this.#failures.throwFresh(key);
    const underWay = this.#loading.get(key);
    const loading = underWay ?? this.#startLoad(key, load);
    loading.waiting += 1;
    return this.#held(key, await loading.entry, underWay !== undefined);
  }

  /** Evicts the least worthy entries that nobody holds until the total is at most `targetBytes`, or nothing is left to evict. */
  shrinkTo(targetBytes: number): void {
    if (this.#totalBytes <= targetBytes) return;
    for (const [key, entry] of this.#idle()) {
      if (this.#totalBytes <= targetBytes) return;
      this.#evict(key, entry);
    }
  }

  /** Evicts the least worthy of the entries that nobody holds and of which `is` is true. @returns whether there was one */
  evictOne(is: (value: V) => boolean): boolean {
    const found = this.#idle().find(([, { value }]) => is(value));
    if (found === undefined) return false;
    this.#evict(...found);
    return true;
  }

  /** Drops an entry: at once when idle, else when its last lease ends. Forgets its failure too. */
  drop(key: string): void {
    this.#failures.forget(key);
    const entry = this.#entries.get(key);
    if (entry !== undefined) this.#remove(key, entry, 'dropped');
  }

  /** Entries that nobody holds, the least worthy first. */
  #idle(): [string, Entry<V>][] {
    const idle = [...this.#entries].filter(([, entry]) => entry.leases === 0);
    return idle.sort(([, left], [, right]) => left.priority - right.priority);
  }

  #evict(key: string, entry: Entry<V>): void {
    this.#order.evicted(entry.priority);
    this.#remove(key, entry, 'evicted');
  }

  #startLoad(key: string, load: (makeRoom: MakeRoom) => Promise<Loaded<V>>): Loading<V> {
    let expectedBytes = 0;
    const makeRoom: MakeRoom = (bytes) => {
      expectedBytes += bytes;
      this.#expectedBytes += bytes;
      this.#makeRoom(0);
      return this.#totalBytes + this.#expectedBytes <= this.#options.budgetBytes;
    };
    // In one step with the insertion: whoever came between the two would wait uncounted for an entry that is there.
    const end = () => {
      this.#loading.delete(key);
      this.#expectedBytes -= expectedBytes;
    };
    const loading: Loading<V> = {
      waiting: 0,
      entry: load(makeRoom).then(
        (loaded) => {
          end();
          return this.#insert(key, loaded, loading.waiting);
        },
        (thrown: unknown) => {
          end();
          this.#failures.remember(key, thrown);
          throw thrown;
        },
      ),
    };
    this.#loading.set(key, loading);
    return loading;
  }

  /** Inserts an entry already leased to all that wait for it, so that nothing can evict it before they wake. */
  #insert(key: string, loaded: Loaded<V>, leases: number): Entry<V> {
    this.#makeRoom(loaded.sizeBytes);
    const entry: Entry<V> = { ...loaded, uses: 0, leases, priority: 0 };
    this.#entries.set(key, entry);
    this.#totalBytes += loaded.sizeBytes;
    return entry;
  }

  #held(key: string, entry: Entry<V>, hit: boolean): Lease<V> {
    entry.uses += 1;
    entry.priority = this.#order.priorityOf(entry);
    let held = true;
    return {
      value: entry.value,
      hit,
      release: () => {
        if (!held) return;
        held = false;
        entry.leases -= 1;
        this.#settle(key, entry);
      },
    };
  }

  /** Makes room beside what loads under way have asked for, as far as what is leased lets it. */
  #makeRoom(sizeBytes: number): void {
    this.shrinkTo(Math.max(0, this.#options.budgetBytes - this.#expectedBytes - sizeBytes));
  }

  /** After a lease: dispose what was dropped meanwhile, and come back under the budget. */
  #settle(key: string, entry: Entry<V>): void {
    if (entry.leases > 0) return;
    if (this.#entries.get(key) !== entry) this.#dispose(key, entry, 'dropped');
    else this.#makeRoom(0);
  }

  #remove(key: string, entry: Entry<V>, departure: Departure): void {
    this.#entries.delete(key);
    this.#totalBytes -= entry.sizeBytes;
    if (entry.leases === 0) this.#dispose(key, entry, departure);
  }

  #dispose(key: string, entry: Entry<V>, departure: Departure): void {
    void this.#options.dispose(key, entry.value, departure);
  }
}
