import { crc32 } from 'node:zlib';

/** Bytes on their way into an object, with their checksum. */
export class OutputBuffer {
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #crc32: number;

  /** @param crc32 of what came before, when this goes on */
  constructor(crc32 = 0) {
    this.#crc32 = crc32;
  }

  append(chunk: Uint8Array): void {
    if (chunk.byteLength === 0) return;
    this.#chunks.push(chunk);
    this.#bytes += chunk.byteLength;
    this.#crc32 = crc32(chunk, this.#crc32);
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** CRC-32 of everything since the beginning, also of what was taken. */
  get crc32(): number {
    return this.#crc32;
  }

  /** What has come since the last time. */
  take(): Uint8Array {
    const taken = Buffer.concat(this.#chunks);
    this.#chunks = [];
    this.#bytes = 0;
    return taken;
  }
}

/** Eight hexadecimal digits. */
export function formatCrc32(value: number): string {
  return value.toString(16).padStart(8, '0');
}
