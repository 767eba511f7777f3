/**
 * Compares keys as S3 lists them: by their UTF-8 bytes, which is the order of code points. JavaScript
 * compares UTF-16 units, where a surrogate (the half of a code point above U+FFFF) sorts before U+E000.
 */
export function compareKeys(left: string, right: string): number {
  if (left === right) return 0;
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index += 1) {
    const a = left.charCodeAt(index);
    const b = right.charCodeAt(index);
    if (a !== b) return rank(a) - rank(b);
  }
  return left.length - right.length;
}

/** Moves the surrogates above everything else, the order among themselves kept. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x2000 : unit >= 0xe000 ? unit - 0x800 : unit;
}

/** The keys of one bucket in listing order. Sorted when first asked for, then kept sorted. */
export class SortedKeys {
  readonly #source: () => Iterable<string>;
  #sorted: string[] | undefined;

  /** @param source all keys, read once */
  constructor(source: () => Iterable<string>) {
    this.#source = source;
  }

  get all(): readonly string[] {
    return this.#keys();
  }

  /** Adds a key that was not there. */
  add(key: string): void {
    if (this.#sorted === undefined) return;
    this.#sorted.splice(
      this.firstIndex((other) => compareKeys(other, key) >= 0),
      0,
      key,
    );
  }

  /** Removes a key that was there. */
  remove(key: string): void {
    if (this.#sorted === undefined) return;
    this.#sorted.splice(
      this.firstIndex((other) => compareKeys(other, key) >= 0),
      1,
    );
  }

  /** Index of the first key for which `holds`; the count of keys when none. `holds` must stay true once it is. */
  firstIndex(holds: (key: string) => boolean): number {
    const keys = this.#keys();
    let low = 0;
    let high = keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const key = keys[middle];
      if (key !== undefined && holds(key)) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #keys(): string[] {
    this.#sorted ??= [...this.#source()].sort(compareKeys);
    return this.#sorted;
  }
}
