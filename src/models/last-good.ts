/** What a reference was served by. */
export interface Served {
  /** Of the session cache. */
  readonly key: string;
  readonly version: string;
  /** Rises with each resolution: of two, the higher one knew the repository better. */
  readonly order: number;
}

/**
 * The session that each reference was last served by: it serves on when its successor cannot be loaded. References
 * come from callers, but only those that were served are kept, and only for as long as their session is in memory.
 */
export class LastGood {
  readonly #byReference = new Map<string, Served>();

  /** Key of the session that served the reference last; undefined when it is not in memory any more. */
  keyOf(reference: string): string | undefined {
    return this.#byReference.get(reference)?.key;
  }

  /**
   * Remembers what served a reference.
   *
   * @returns key of a session that nobody can call again, if there is one: the same version with other bytes. Another
   *   version anybody can call.
   */
  remember(reference: string, served: Served): string | undefined {
    const before = this.#byReference.get(reference);
    if (before?.key === served.key) return undefined;
    // A load that was begun before a publish may end after the load of what was published.
    const [older, newer] =
      before !== undefined && before.order > served.order ? [served, before] : [before, served];
    this.#byReference.set(reference, newer);
    return older?.version === newer.version ? older.key : undefined;
  }

  /** Forgets a session that has left. */
  forget(key: string): void {
    for (const [reference, served] of this.#byReference) {
      if (served.key === key) this.#byReference.delete(reference);
    }
  }
}
