import { createHash, type Hash } from 'node:crypto';
import { readSync } from 'node:fs';
import type { FileDigest } from './file-digest.ts';

/** Of what came early, at a time. */
const readBackBytes = 1024 * 1024;

/** A stretch of a file that grows from its start. */
export interface Part {
  readonly start: number;
  readonly end: number;
  /** Bytes of it that are on disk. */
  written: number;
}

/** sha256 of a file whose parts grow side by side: hashes what is next at once, and reads back what came early. */
export class OrderedDigest implements FileDigest {
  readonly #hash: Hash = createHash('sha256');
  readonly #file: number;
  readonly #parts: readonly Part[];
  readonly #expected: string;
  /** Used again and again: memory touched for the first time costs more than the reading. */
  readonly #scratch = Buffer.allocUnsafeSlow(readBackBytes);
  /** The part that is being hashed; all before it are. */
  #current = 0;
  #position = 0;

  /** @param expected in hex */
  constructor(file: number, parts: readonly Part[], expected: string) {
    this.#file = file;
    this.#parts = parts;
    this.#expected = expected;
  }

  wrote(position: number, chunk: Buffer): void {
    if (position !== this.#position) return;
    this.#hash.update(chunk);
    this.#position += chunk.byteLength;
    this.#readBack();
  }

  #readBack(): void {
    for (;;) {
      const part = this.#parts[this.#current];
      if (part === undefined) return;
      if (this.#position === part.end) {
        this.#current += 1;
        continue;
      }
      const length = Math.min(part.start + part.written - this.#position, readBackBytes);
      if (length === 0) return;
      readSync(this.#file, this.#scratch, 0, length, this.#position);
      this.#hash.update(this.#scratch.subarray(0, length));
      this.#position += length;
    }
  }

  isRight(): boolean {
    const isWhole = this.#current === this.#parts.length;
    return isWhole && this.#hash.digest('hex') === this.#expected;
  }
}
