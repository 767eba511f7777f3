import { Journal } from './journal.ts';
import type { Blob } from './model.ts';
import { type Entry, State } from './state.ts';

/** Entries that the journal may carry beyond twice the ones that matter, before it is rewritten. */
const journalSlack = 4096;

/** A state that outlives the process: every change is a line of its journal before it is made. */
export class DurableState {
  readonly #journal: Journal;
  readonly state: State;
  /** Entries in the journal, and how many it had, or would have had, when none was superfluous. */
  #entries: number;
  #entriesNeeded: number;

  static async open(path: string): Promise<DurableState> {
    const state = new State();
    let entries = 0;
    const journal = await Journal.open(path, (entry) => {
      // The journal is our own: what stands there was an `Entry` when it was written.
      state.apply(entry as Entry);
      entries += 1;
    });
    return new DurableState(journal, state, entries);
  }

  private constructor(journal: Journal, state: State, entries: number) {
    this.#journal = journal;
    this.state = state;
    this.#entries = entries;
    this.#entriesNeeded = [...state.entries()].length;
    this.#rewriteWhenWorthIt();
  }

  /**
   * Makes a change, whole or, when this throws, not at all.
   * @returns the blobs that nothing needs any more
   */
  commit(entry: Entry): readonly Blob[] {
    this.#journal.append(entry);
    this.#entries += 1;
    const released = this.state.apply(entry);
    this.#rewriteWhenWorthIt();
    return released;
  }

  close(): void {
    this.#journal.close();
  }

  #rewriteWhenWorthIt(): void {
    if (this.#entries <= 2 * this.#entriesNeeded + journalSlack) return;
    const entries = [...this.state.entries()];
    this.#journal.rewrite(entries);
    this.#entries = entries.length;
    this.#entriesNeeded = entries.length;
  }
}
