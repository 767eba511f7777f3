import { closeSync, openSync, readSync } from 'node:fs';

/**
 * Randomness that no two environments share, even when both were restored from one snapshot (SnapStart): the kernel
 * seeds itself anew then, while what Node and OpenSSL have gathered in the process before is in every copy.
 */
export function kernelRandomBytes(count: number): Buffer {
  const bytes = Buffer.alloc(count);
  const file = openSync('/dev/urandom', 'r');
  try {
    readSync(file, bytes, 0, count, null);
  } finally {
    closeSync(file);
  }
  return bytes;
}

/** Uniform in [0, 1). */
export function kernelRandom(): number {
  return kernelRandomBytes(4).readUInt32LE() / 2 ** 32;
}

/** An id of 128 random bits in hexadecimal. */
export function kernelRandomId(): string {
  return kernelRandomBytes(16).toString('hex');
}
