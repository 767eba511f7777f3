import { entrySchema } from './entry.ts';
import { Journal } from './journal.ts';
import type { Blob } from './model.ts';
import { type Entry, State } from './state.ts';

/** Entries that the journal may carry beyond twice the ones that matter, before it is rewritten. */
const journalSlack = 4096;

/** A state that outlives the process: every change is a line of its journal before it is made. */
export class DurableState {
  readonly #journal: Journal;
  readonly #onProblem: (message: string, error: unknown) => void;
  readonly state: State;
  /** Entries in the journal, and beyond how many it is rewritten. */
  #entries: number;
  #rewriteAt: number;

  /**
   * Makes the state of a journal. What is damaged in it is dropped; what is left is then as whole as can be.
   * @param onProblem told of rewrites that failed, which loses nothing
   */
  static async open(
    path: string,
    onProblem: (message: string, error: unknown) => void,
  ): Promise<DurableState> {
    const state = new State();
    let entries = 0;
    const journal = await Journal.open(path, entrySchema, (entry) => {
      entries += 1;
      // The line that made its bucket was among the damaged ones.
      if ('bucket' in entry && entry.op !== 'createBucket' && !state.buckets.has(entry.bucket)) {
        state.apply({ op: 'createBucket', bucket: entry.bucket, createdMs: Date.now() });
      }
      state.apply(entry);
    });
    return new DurableState(journal, state, entries, onProblem);
  }

  private constructor(
    journal: Journal,
    state: State,
    entries: number,
    onProblem: (message: string, error: unknown) => void,
  ) {
    this.#journal = journal;
    this.#onProblem = onProblem;
    this.state = state;
    this.#entries = entries;
    // Damaged lines go with a rewrite, so that they are told of once.
    this.#rewriteAt =
      journal.damage === undefined ? 2 * [...state.entries()].length + journalSlack : -1;
    this.#rewriteWhenWorthIt();
  }

  /** In a sentence, what of the journal was damaged and is dropped; undefined when it was whole. */
  get damage(): string | undefined {
    return this.#journal.damage;
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
    if (this.#entries <= this.#rewriteAt) return;
    const entries = [...this.state.entries()];
    try {
      this.#journal.rewrite(entries);
    } catch (error) {
      // The journal still holds everything, the change that was just made too; later there may be room.
      this.#rewriteAt = this.#entries + journalSlack;
      this.#onProblem('the journal could not be rewritten, and goes on growing', error);
      return;
    }
    this.#entries = entries.length;
    this.#rewriteAt = 2 * entries.length + journalSlack;
  }
}
