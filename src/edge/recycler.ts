import { subscribe } from 'node:diagnostics_channel';

export interface RecyclerOptions {
  /** Resident memory above which this environment is not safe from Lambda's own limit. */
  readonly ceilingBytes: number;
  readonly residentBytes: () => number;
  /** Gives back what nobody uses; returns whether there was anything. */
  readonly release: () => boolean;
  /** Ends the process. */
  readonly exit: () => void;
  readonly onRecycle: (residentBytes: number) => void;
}

/**
 * Ends an environment whose memory stays high though nothing is left to release: ONNX Runtime does not give back all
 * that a session took (microsoft/onnxruntime#25325), and Lambda's own end of such an environment costs a call. Ours
 * costs none, for it comes right after a response is out and before the next invocation is asked for.
 */
export class Recycler {
  readonly #options: RecyclerOptions;
  /** Responses that a runtime client in JavaScript has begun to send, and has not been heard to finish. */
  #sending = 0;
  #recycling = false;

  constructor(options: RecyclerOptions) {
    this.#options = options;
    subscribe('http.client.request.start', (message) => {
      if (isResponse(message)) this.#sending += 1;
    });
    subscribe('http.client.response.finish', (message) => {
      if (!isResponse(message)) return;
      this.#sending -= 1;
      if (this.#recycling && this.#sending === 0) this.#options.exit();
    });
  }

  /** To be called at the end of each invocation. */
  check(): void {
    const { ceilingBytes, residentBytes, release, exit, onRecycle } = this.#options;
    if (residentBytes() <= ceilingBytes || release()) return;
    if (this.#recycling) return;
    this.#recycling = true;
    onRecycle(residentBytes());
    // AWS's client posts the response from native code, in an immediate of its own that is queued once this
    // invocation's promises have settled: after those comes the tick, and after that immediate comes ours.
    process.nextTick(() => {
      setImmediate(() => {
        if (this.#sending === 0) exit();
      });
    });
  }
}

/** Whether a request of `node:http` is the Runtime API's `.../invocation/<id>/response`. */
function isResponse(message: unknown): boolean {
  const path: unknown = Object(Object(message).request).path;
  return typeof path === 'string' && /\/runtime\/invocation\/[^/]+\/response$/.test(path);
}
