import { crc32 } from 'node:zlib';

const firstBytes = 64 * 1024;

/** Bytes on their way into an object, with their checksum. Its memory is used again: it grows to the largest stretch. */
export class OutputBuffer {
  #memory = Buffer.alloc(0);
  #bytes = 0;
  /** Memory that is taken first. */
  #nextBytes = firstBytes;
  #crc32: number;

  /** @param crc32 of what came before, when this goes on */
  constructor(crc32 = 0) {
    this.#crc32 = crc32;
  }

  append(chunk: Uint8Array): void {
    const bytes = this.#bytes + chunk.byteLength;
    if (bytes > this.#memory.byteLength) this.#grow(bytes);
    this.#memory.set(chunk, this.#bytes);
    this.#bytes = bytes;
    this.#crc32 = crc32(chunk, this.#crc32);
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** CRC-32 of everything since the beginning, also of what was taken. */
  get crc32(): number {
    return this.#crc32;
  }

  /** What has come since the last time: a view that holds until more is appended. */
  take(): Uint8Array {
    const taken = this.#memory.subarray(0, this.#bytes);
    this.#bytes = 0;
    return taken;
  }

  /** As `take`, for bytes that live on: the next ones get memory of their own. */
  giveAway(): Uint8Array {
    this.#nextBytes = this.#memory.byteLength;
    const given = this.take();
    this.#memory = Buffer.alloc(0);
    return given;
  }

  #grow(bytes: number): void {
    const doubled = Math.max(this.#memory.byteLength * 2, this.#nextBytes);
    const larger = Buffer.allocUnsafeSlow(Math.max(bytes, doubled));
    larger.set(this.#memory.subarray(0, this.#bytes));
    this.#memory = larger;
  }
}

/** Eight hexadecimal digits. */
export function formatCrc32(value: number): string {
  return value.toString(16).padStart(8, '0');
}
