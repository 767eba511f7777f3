import { fstatSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import type { Datatype } from '../../src/protocol/tensor.ts';

/** A tensor of a tensor file, as tensors.py describes it. */
export type StoredTensor =
  | {
      readonly name: string;
      readonly datatype: Exclude<Datatype, 'BYTES'>;
      readonly shape: readonly number[];
      /** Of its elements in the file, little-endian and row-major. */
      readonly offset: number;
    }
  | {
      readonly name: string;
      readonly datatype: 'BYTES';
      readonly shape: readonly number[];
      readonly strings: readonly string[];
    };

/** What the protocol has no datatype for: a sequence, an optional, a float8. */
export interface ForeignValue {
  readonly name: string;
  readonly kind: string;
}

/** One model of the ONNX backend test data, as backend_export.py writes it. */
export interface BackendCase {
  readonly name: string;
  /** Path of the model file. */
  readonly model: string;
  readonly runs: readonly { readonly inputs: readonly (StoredTensor | ForeignValue)[] }[];
}

/**
 * What bare onnxruntime-node made of a case: for each run its outputs, in each variant that differs in last bits, or
 * why there are none.
 */
export type BareOutcome =
  | { readonly outputs: readonly (readonly (readonly StoredTensor[])[])[] }
  | { readonly failure: string };

export function readCases(path: string): readonly BackendCase[] {
  return JSON.parse(readFileSync(path, 'utf8'));
}

/** Reads and appends the elements of tensors. */
export class TensorFile {
  readonly #descriptor: number;

  constructor(path: string, mode: 'r' | 'a') {
    this.#descriptor = openSync(path, mode);
  }

  /** @returns memory with what stands at `offset` in it, from `start` on */
  read(offset: number, sizeBytes: number, start: number): ArrayBuffer {
    const buffer = new ArrayBuffer(start + sizeBytes);
    readSync(this.#descriptor, new Uint8Array(buffer), start, sizeBytes, offset);
    return buffer;
  }

  /** @returns the offset */
  append(bytes: Uint8Array): number {
    const offset = fstatSync(this.#descriptor).size;
    let written = 0;
    while (written < bytes.length) written += writeSync(this.#descriptor, bytes, written);
    return offset;
  }
}
