import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable, type Writable } from 'node:stream';
import type { Blob } from './model.ts';

/** Bytes gathered before they are written: fewer, larger calls. */
const writeChunkBytes = 1024 * 1024;

/** Bytes of one read: what a reader holds in memory at a time. */
const readChunkBytes = 512 * 1024;

/**
 * The bytes of objects and parts, one file each under a random name, so that no key ever becomes a path. A file
 * counts only once the journal names it: what a crash leaves half written is swept at the next start.
 */
export class BlobFolder {
  readonly #dir: string;
  /** Folders within it that are there: by the first two digits of a blob's name, so that none grows too large. */
  readonly #shelves: Set<string>;
  /** How many readers each blob has, and what must be deleted after the last one. */
  readonly #readers = new Map<string, number>();
  readonly #doomed = new Set<string>();

  private constructor(dir: string, shelves: readonly string[]) {
    this.#dir = dir;
    this.#shelves = new Set(shelves);
  }

  /** Opens the folder and deletes every file that `referenced` does not name. */
  static async open(dir: string, referenced: Iterable<string>): Promise<BlobFolder> {
    const wanted = new Set(referenced);
    await mkdir(dir, { recursive: true });
    const shelves = await readdir(dir);
    for (const shelf of shelves) {
      for (const id of await readdir(join(dir, shelf))) {
        if (!wanted.has(id)) await unlink(join(dir, shelf, id));
      }
    }
    return new BlobFolder(dir, shelves);
  }

  /**
   * Writes a stream to a new file, with memory for one chunk whatever the size, and hands it to `keep`, which
   * must make the journal name it. No blob is made of no bytes.
   * @throws what the source or `keep` throws; nothing is left behind then
   */
  async write<T>(
    source: AsyncIterable<Uint8Array>,
    keep: (blobs: readonly Blob[]) => T,
  ): Promise<T> {
    const id = randomBytes(16).toString('hex');
    await this.#makeShelf(id);
    const file = await open(this.#path(id), 'wx');
    let sizeBytes = 0;
    let kept = false;
    try {
      for await (const chunks of gathered(source, writeChunkBytes)) {
        sizeBytes += await writeWhole(file, chunks);
      }
      const result = keep(sizeBytes === 0 ? [] : [{ id, sizeBytes }]);
      kept = sizeBytes > 0;
      return result;
    } finally {
      await file.close();
      if (!kept) this.#unlink(id);
    }
  }

  /**
   * The bytes from `startByte` up to, not including, `endByte` of the blobs put one behind the other. Blobs
   * that are removed in the meantime stay readable until the reader is done: it must be used or closed.
   */
  read(blobs: readonly Blob[], startByte: number, endByte: number): BlobReader {
    for (const { id } of blobs) this.#readers.set(id, (this.#readers.get(id) ?? 0) + 1);
    return new BlobReader(this.#stretches(blobs, startByte, endByte), () => this.#release(blobs));
  }

  /** Deletes blobs, those with readers later. */
  remove(blobs: readonly Blob[]): void {
    for (const { id } of blobs) {
      if (this.#readers.has(id)) this.#doomed.add(id);
      else this.#unlink(id);
    }
  }

  #stretches(blobs: readonly Blob[], startByte: number, endByte: number): Stretch[] {
    let offset = 0;
    return blobs.flatMap(({ id, sizeBytes }) => {
      const from = Math.max(startByte - offset, 0);
      const to = Math.min(endByte - offset, sizeBytes);
      offset += sizeBytes;
      return from < to ? [{ path: this.#path(id), from, to }] : [];
    });
  }

  #release(blobs: readonly Blob[]): void {
    for (const { id } of blobs) {
      const readers = (this.#readers.get(id) ?? 0) - 1;
      if (readers > 0) this.#readers.set(id, readers);
      else this.#readers.delete(id);
      if (readers <= 0 && this.#doomed.delete(id)) this.#unlink(id);
    }
  }

  /** What cannot be deleted now is swept at the next start. */
  #unlink(id: string): void {
    unlink(this.#path(id)).catch(() => undefined);
  }

  async #makeShelf(id: string): Promise<void> {
    const shelf = shelfOf(id);
    if (this.#shelves.has(shelf)) return;
    await mkdir(join(this.#dir, shelf), { recursive: true });
    this.#shelves.add(shelf);
  }

  #path(id: string): string {
    return join(this.#dir, shelfOf(id), id);
  }
}

/** @returns how many bytes the chunks have */
async function writeWhole(file: FileHandle, chunks: readonly Uint8Array[]): Promise<number> {
  const sizeBytes = chunks.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const { bytesWritten } = await file.writev(chunks);
  // A call may write less than it was given.
  if (bytesWritten < sizeBytes) await file.writeFile(Buffer.concat(chunks).subarray(bytesWritten));
  return sizeBytes;
}

function shelfOf(id: string): string {
  return id.slice(0, 2);
}

/** Bytes of a file. */
interface Stretch {
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

async function* gathered(
  source: AsyncIterable<Uint8Array>,
  sizeBytes: number,
): AsyncGenerator<Uint8Array[]> {
  let chunks: Uint8Array[] = [];
  let gatheredBytes = 0;
  for await (const chunk of source) {
    chunks.push(chunk);
    gatheredBytes += chunk.byteLength;
    if (gatheredBytes >= sizeBytes) {
      yield chunks;
      chunks = [];
      gatheredBytes = 0;
    }
  }
  if (gatheredBytes > 0) yield chunks;
}
