import { createHash, type Hash } from 'node:crypto';
import type { FileDigest } from './file-digest.ts';

/** A chunk whose bytes come one after the other. */
interface GrowingChunk {
  readonly hash: Hash;
  hashedBytes: number;
}

/** sha256 of each chunk of a file: whatever order chunks arrive in, each is hashed as it comes. */
export class ChunkDigests implements FileDigest {
  readonly #fileBytes: number;
  readonly #chunkBytes: number;
  readonly #expected: readonly string[];
  readonly #growing = new Map<number, GrowingChunk>();
  #right = 0;

  /** @param expected digests in hex, of every chunk; the last one may be shorter */
  constructor(fileBytes: number, chunkBytes: number, expected: readonly string[]) {
    this.#fileBytes = fileBytes;
    this.#chunkBytes = chunkBytes;
    this.#expected = expected;
  }

  wrote(position: number, bytes: Buffer): void {
    const index = Math.floor(position / this.#chunkBytes);
    const start = index * this.#chunkBytes;
    const chunk = this.#growing.get(index) ?? { hash: createHash('sha256'), hashedBytes: 0 };
    this.#growing.set(index, chunk);
    if (start + chunk.hashedBytes !== position) throw new Error('bytes of a chunk came unordered');
    chunk.hash.update(bytes);
    chunk.hashedBytes += bytes.byteLength;
    const end = Math.min(start + this.#chunkBytes, this.#fileBytes);
    if (start + chunk.hashedBytes < end) return;
    this.#growing.delete(index);
    if (chunk.hash.digest('hex') === this.#expected[index]) this.#right += 1;
  }

  isRight(): boolean {
    return this.#right === Math.ceil(this.#fileBytes / this.#chunkBytes);
  }
}
