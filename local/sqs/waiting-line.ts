/** One long poll. */
interface Waiter<Request, Result> {
  readonly request: Request;
  readonly settle: (result: Result | undefined) => void;
}

/** The longest timer that is set: a clock that was put forward is noticed after that. */
const longestTimerMs = 60_000;

/** Those who wait for messages, served in the order they came. */
export class WaitingLine<Request, Result> {
  readonly #waiters = new Set<Waiter<Request, Result>>();
  readonly #serve: (request: Request) => Result | undefined;
  readonly #nextDueInMs: () => number;
  #timer: NodeJS.Timeout | undefined;
  #isServing = false;
  #isClosed = false;

  /**
   * @param serve what there is for a request now; undefined when it has to wait on
   * @param nextDueInMs milliseconds until there may be something although nobody calls `serveSoon`
   */
  constructor(serve: (request: Request) => Result | undefined, nextDueInMs: () => number) {
    this.#serve = serve;
    this.#nextDueInMs = nextDueInMs;
  }

  /** Waits until there is something, the time is over or the signal fires: undefined for the last two. */
  async wait(
    request: Request,
    waitMs: number,
    signal: AbortSignal | undefined,
  ): Promise<Result | undefined> {
    if (this.#isClosed || waitMs === 0 || signal?.aborted === true) return undefined;
    return await new Promise((resolve) => {
      const giveUp = () => waiter.settle(undefined);
      const timeout = setTimeout(giveUp, waitMs);
      const waiter: Waiter<Request, Result> = {
        request,
        settle: (result) => {
          clearTimeout(timeout);
          signal?.removeEventListener('abort', giveUp);
          this.#waiters.delete(waiter);
          resolve(result);
        },
      };
      signal?.addEventListener('abort', giveUp, { once: true });
      this.#waiters.add(waiter);
      this.#setTimer();
    });
  }

  /**
   * Serves once the current turn of the event loop is over: a waiter then gets a whole batch and not its first
   * entry, and one who hung up before the messages came is known to have gone.
   */
  serveSoon(): void {
    if (this.#isServing || this.#waiters.size === 0) return;
    this.#isServing = true;
    setImmediate(() => {
      this.#isServing = false;
      this.#serveAll();
    });
  }

  /** Sends everyone away with nothing, and lets nobody wait any more. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const waiter of this.#waiters) waiter.settle(undefined);
  }

  #serveAll(): void {
    for (const waiter of this.#waiters) {
      const result = this.#serve(waiter.request);
      if (result === undefined) break;
      waiter.settle(result);
    }
    this.#setTimer();
  }

  #setTimer(): void {
    clearTimeout(this.#timer);
    const inMs = this.#nextDueInMs();
    if (this.#waiters.size === 0 || inMs === Number.POSITIVE_INFINITY) return;
    const timerMs = Math.min(Math.max(1, inMs), longestTimerMs);
    this.#timer = setTimeout(() => this.#serveAll(), timerMs);
  }
}
