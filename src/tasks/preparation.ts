import type { PredictInput } from './predictor.ts';

export type Attempt<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly error: unknown };

export async function attempt<Value>(work: () => Promise<Value> | Value): Promise<Attempt<Value>> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    return { ok: false, error };
  }
}

/** The half of a task that comes before the run. */
export interface Preparing<Prepared> {
  /** Decodes and preprocesses one input; @throws ServingError 4xx when it is bad. */
  prepare(input: PredictInput): Promise<Prepared> | Prepared;
  /** As `prepare`, in another thread; undefined while there is none. Left out by tasks that have little to do. */
  prepareElsewhere?(input: PredictInput): Promise<Prepared> | undefined;
}

/** Inputs under way at once: one is decoded by libuv's threads while another is resized. More would hold up the first. */
const preparedAtOnce = 2;

/** One input of several, as far as it could be prepared. */
export interface PreparedInput<Prepared> {
  /** Among the inputs. */
  readonly index: number;
  readonly outcome: Attempt<Prepared>;
}

/** Inputs on their way to the run: some are prepared ahead, and taken by who runs them once they are ready. */
export class Preparation<Prepared> {
  readonly #task: Preparing<Prepared>;
  readonly #inputs: IterableIterator<[number, PredictInput]>;
  readonly #ahead: number;
  #underway = 0;
  #underwayHere = 0;
  #ready: PreparedInput<Prepared>[] = [];
  #onReady: () => void = () => {};

  /** @param ahead how many are prepared or under way at most before they are taken */
  constructor(task: Preparing<Prepared>, inputs: readonly PredictInput[], ahead: number) {
    this.#task = task;
    this.#inputs = inputs.entries();
    this.#ahead = ahead;
  }

  /**
   * Waits for `least` of them, or for the last ones.
   *
   * @returns at most `most`, in the order in which they became ready; none when all have been taken
   */
  async take(least: number, most: number): Promise<PreparedInput<Prepared>[]> {
    this.#advance();
    while (this.#ready.length < least && this.#underway > 0) {
      // Who would wait for the other thread lends a hand.
      if (this.#ready.length === 0 && this.#underwayHere === 0) this.#begin('here');
      await new Promise<void>((resolve) => {
        this.#onReady = resolve;
      });
    }
    const taken = this.#ready.slice(0, most);
    this.#ready = this.#ready.slice(most);
    // The next ones are decoded by other threads while the run of these blocks this one.
    this.#advance();
    return taken;
  }

  #advance(): void {
    const room = () =>
      this.#underway < preparedAtOnce && this.#underway + this.#ready.length < this.#ahead;
    while (room() && this.#begin('anywhere'));
  }

  /** @returns whether there was an input left */
  #begin(place: 'here' | 'anywhere'): boolean {
    const next = this.#inputs.next();
    if (next.done) return false;
    const [index, input] = next.value;
    const elsewhere = place === 'anywhere' ? this.#task.prepareElsewhere?.(input) : undefined;
    void this.#follow(index, elsewhere === undefined, () => elsewhere ?? this.#task.prepare(input));
    return true;
  }

  async #follow(
    index: number,
    isHere: boolean,
    work: () => Promise<Prepared> | Prepared,
  ): Promise<void> {
    this.#underway += 1;
    if (isHere) this.#underwayHere += 1;
    const outcome = await attempt(work);
    this.#underway -= 1;
    if (isHere) this.#underwayHere -= 1;
    this.#ready.push({ index, outcome });
    this.#advance();
    this.#onReady();
  }
}
