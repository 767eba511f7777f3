/** Larger memory is not kept: no body that Lambda carries needs it. */
const maximumKeptBytes = 8 * 1024 * 1024;

/**
 * Memory of one body that is used again, as large as the largest so far: what a body is decoded into costs more when it was
 * never touched before than the decoding itself, and is garbage outside the heap afterwards, for which V8 marks all of the
 * heap. One call has it at a time; others that run meanwhile get memory of their own.
 */
export class BodyMemory {
  #kept: Buffer | undefined;

  /** Memory of at least so many bytes, with anything in it. It belongs to the caller until it is given back, if ever. */
  take(bytes: number): Buffer {
    const kept = this.#kept;
    if (kept === undefined || kept.byteLength < bytes) return Buffer.allocUnsafeSlow(bytes);
    this.#kept = undefined;
    return kept;
  }

  /** @param memory of `take`, which nothing reads or holds any more */
  giveBack(memory: Buffer): void {
    if (memory.byteLength > maximumKeptBytes) return;
    if (memory.byteLength > (this.#kept?.byteLength ?? 0)) this.#kept = memory;
  }
}
