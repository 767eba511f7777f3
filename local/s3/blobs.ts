import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { BlobReader, type Stretch } from './blob-reader.ts';
import type { Blob } from './model.ts';

/** Bytes gathered before they are written: fewer, larger calls. */
const writeChunkBytes = 1024 * 1024;

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

  /** Blobs that are wanted and were not there when the folder was opened. */
  readonly missing: ReadonlySet<string>;

  /** Files that were deleted then, because nothing names them. */
  readonly sweptCount: number;

  private constructor(
    dir: string,
    shelves: readonly string[],
    missing: ReadonlySet<string>,
    sweptCount: number,
  ) {
    this.#dir = dir;
    this.missing = missing;
    this.sweptCount = sweptCount;
    this.#shelves = new Set(shelves);
  }

  /** Opens the folder and deletes every file that `referenced` does not name. */
  static async open(dir: string, referenced: Iterable<string>): Promise<BlobFolder> {
    const wanted = new Set(referenced);
    await mkdir(dir, { recursive: true });
    const shelves = await readdir(dir);
    let sweptCount = 0;
    for (const shelf of shelves) {
      for (const id of await readdir(join(dir, shelf))) {
        if (wanted.delete(id)) continue;
        await unlink(join(dir, shelf, id));
        sweptCount += 1;
      }
    }
    return new BlobFolder(dir, shelves, wanted, sweptCount);
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
