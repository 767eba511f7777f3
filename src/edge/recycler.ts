import { subscribe } from 'node:diagnostics_channel';

export interface RecyclerOptions {
  /** Resident memory above which this environment is not safe from Lambda's own limit. */
  readonly ceilingBytes: number;
  /** Asks the kernel: as long as a small model's run takes. */
  readonly residentBytes: () => number;
  /** Milliseconds of a clock that never runs back. */
  readonly nowMs: () => number;
  /** Gives back what nobody uses; returns whether there was anything. */
  readonly release: () => boolean;
  /** Ends the process. */
  readonly exit: () => void;
  readonly onRecycle: (residentBytes: number) => void;
}

/** Invocations that end within so long after a look at the memory are too short to have changed it much. */
const lookEveryMs = 20;

/**
 * Ends an environment whose memory stays high though nothing is left to release: ONNX Runtime does not give back all
 * that a session took (microsoft/onnxruntime#25325), and Lambda's own end of such an environment costs a call. Ours
 * costs none, for it comes right after a response is out and before the next invocation is asked for. Where an
 * environment takes several invocations at a time it comes when none is under way; one that arrives at that very moment
 * is lost.
 */
export class Recycler {
  readonly #options: RecyclerOptions;
  #underWay = 0;
  /** Responses that a runtime client in JavaScript has begun to send, and has not been heard to finish. */
  #sending = 0;
  #recycling = false;
  #lookedMs = Number.NEGATIVE_INFINITY;

  constructor(options: RecyclerOptions) {
    this.#options = options;
    subscribe('http.client.request.start', (message) => {
      if (isResponse(message)) this.#sending += 1;
    });
    subscribe('http.client.response.finish', (message) => {
      if (!isResponse(message)) return;
      this.#sending -= 1;
      this.#exitWhenQuiet();
    });
  }

  /** To be called at the beginning of each invocation. */
  begin(): void {
    this.#underWay += 1;
  }

  /** To be called at the end of each invocation. */
  end(): void {
    this.#underWay -= 1;
    const { ceilingBytes, residentBytes, nowMs, release, onRecycle } = this.#options;
    if (!this.#recycling) {
      if (nowMs() - this.#lookedMs < lookEveryMs) return;
      this.#lookedMs = nowMs();
      if (residentBytes() <= ceilingBytes || release()) return;
      this.#recycling = true;
      onRecycle(residentBytes());
    }
    // AWS's client posts the response from native code, in an immediate of its own that is queued once this
    // invocation's promises have settled: after those comes the tick, and after that immediate comes ours.
    process.nextTick(() => {
      setImmediate(() => this.#exitWhenQuiet());
    });
  }

  #exitWhenQuiet(): void {
    if (this.#recycling && this.#underWay === 0 && this.#sending === 0) this.#options.exit();
  }
}

/** Whether a request of `node:http` is the Runtime API's `.../invocation/<id>/response`. */
function isResponse(message: unknown): boolean {
  const path: unknown = Object(Object(message).request).path;
  return typeof path === 'string' && /\/runtime\/invocation\/[^/]+\/response$/.test(path);
}
