import { open } from 'node:fs/promises';
import { Readable, type Writable } from 'node:stream';

/** Bytes of one read: what a reader holds in memory at a time. */
const readChunkBytes = 512 * 1024;

/** Bytes of a file. */
export interface Stretch {
  readonly path: string;
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
}

/** Bytes that are to be read once: as a stream, or straight to where they go. */
export class BlobReader {
  readonly #stretches: readonly Stretch[];
  readonly #release: () => void;
  #isReleased = false;

  /** @param release called once, when nothing is read any more */
  constructor(stretches: readonly Stretch[], release: () => void) {
    this.#stretches = stretches;
    this.#release = release;
  }

  /** Must be read or destroyed. */
  stream(): Readable {
    const chunks = this.#chunks((length) => Buffer.allocUnsafe(length));
    const stream = Readable.from(chunks, { objectMode: false });
    stream.once('close', () => this.close());
    return stream;
  }

  /**
   * Writes all to `target` and ends it, through one buffer: memory that is touched for the first time, for every chunk
   * anew, would take the processor as long as all the rest.
   * @throws Error when the target breaks
   */
  async sendTo(target: Writable): Promise<void> {
    const longestBytes = Math.max(0, ...this.#stretches.map(({ from, to }) => to - from));
    const buffer = Buffer.allocUnsafeSlow(Math.min(readChunkBytes, longestBytes));
    try {
      for await (const chunk of this.#chunks(() => buffer)) await written(target, chunk);
      target.end();
    } finally {
      this.close();
    }
  }

  /** Reads no more. */
  close(): void {
    if (!this.#isReleased) this.#release();
    this.#isReleased = true;
  }

  async *#chunks(bufferOf: (length: number) => Buffer): AsyncGenerator<Buffer> {
    for (const { path, from, to } of this.#stretches) {
      const file = await open(path, 'r');
      try {
        for (let position = from; position < to; ) {
          const length = Math.min(readChunkBytes, to - position);
          const { bytesRead, buffer } = await file.read(bufferOf(length), 0, length, position);
          if (bytesRead === 0) throw new Error('a blob is shorter than the journal says');
          position += bytesRead;
          yield buffer.subarray(0, bytesRead);
        }
      } finally {
        await file.close();
      }
    }
  }
}

/** Resolves when the bytes are out, and their memory is free for others. */
function written(target: Writable, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const onClose = () =>
      reject(Object.assign(new Error('it was closed'), { code: 'ERR_STREAM_PREMATURE_CLOSE' }));
    // What waits for a connection that never comes is not told that it is gone.
    target.once('close', onClose);
    target.write(bytes, (error) => {
      target.off('close', onClose);
      if (error) reject(error);
      else resolve();
    });
  });
}
