import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { type ErrorCode, ServingError } from '../../errors.ts';
import type { ImageConfiguration } from '../../models/task/image.ts';
import type { PictureThread, PreparedImage } from '../../tasks/ports.ts';

/** What the thread is asked. */
export interface PictureRequest {
  readonly id: number;
  readonly bytes: Uint8Array;
  readonly configuration: ImageConfiguration;
}

/** What it answers; `ready` comes once, before all else. */
export type PictureReply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'prepared'; readonly id: number; readonly prepared: PreparedImage }
  | {
      readonly kind: 'refused';
      readonly id: number;
      readonly code: ErrorCode;
      readonly message: string;
    };

interface Waiting {
  resolve(prepared: PreparedImage): void;
  reject(error: ServingError): void;
}

/**
 * A worker thread that decodes, resizes and normalises pictures, started by the first that is asked for. It does not keep
 * the process alive while it has nothing to do.
 *
 * @param loadDecoder sharp must have been loaded by the main thread before another one does (its documentation,
 *   "Worker threads")
 */
export function createPictureThread(
  loadDecoder: () => Promise<void>,
  processors: number = availableParallelism(),
): PictureThread {
  // On the only processor another thread would but take turns with this one.
  if (processors < 2) return { prepare: () => undefined };
  const waiting = new Map<number, Waiting>();
  let state: 'none' | 'starting' | 'failed' | Worker = 'none';
  let lastId = 0;

  async function start(): Promise<void> {
    await loadDecoder();
    // Without the options of this process, which may not fit a file (`--input-type`).
    const worker = new Worker(new URL('./picture-thread-main.ts', import.meta.url), {
      execArgv: [],
    });
    worker.unref();
    worker.on('message', (reply: PictureReply) => {
      if (reply.kind === 'ready') state = worker;
      else settle(worker, reply);
    });
    let cause: unknown;
    worker.on('error', (error) => {
      cause = error;
    });
    // Comes after an error too.
    worker.on('exit', () => ended(cause));
  }

  function settle(worker: Worker, reply: Exclude<PictureReply, { readonly kind: 'ready' }>): void {
    const one = waiting.get(reply.id);
    waiting.delete(reply.id);
    if (waiting.size === 0) worker.unref();
    if (reply.kind === 'prepared') one?.resolve(reply.prepared);
    else one?.reject(new ServingError(reply.code, reply.message));
  }

  /** What it had is tried again by the caller. The next call starts another thread, unless this one never was ready. */
  function ended(cause: unknown): void {
    state = state === 'starting' ? 'failed' : 'none';
    for (const { reject } of waiting.values()) {
      reject(new ServingError('UNAVAILABLE', 'the thread that prepares pictures ended', { cause }));
    }
    waiting.clear();
  }

  return {
    prepare(bytes, configuration) {
      if (state === 'none') {
        state = 'starting';
        start().catch(ended);
        return undefined;
      }
      if (state === 'starting' || state === 'failed') return undefined;
      const worker = state;
      lastId += 1;
      const id = lastId;
      // A copy of its own: a view would take the whole request that it lies in along.
      const own = Uint8Array.from(bytes);
      const request: PictureRequest = { id, bytes: own, configuration };
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        worker.ref();
        worker.postMessage(request, [own.buffer]);
      });
    },
  };
}
