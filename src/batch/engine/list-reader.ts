import type { Filler } from '../../protocol/json-fill.ts';
import { skipSpace } from './json-places.ts';
import type { NumberScanner } from './number-scanner.ts';

const openBracket = 0x5b;
const closeBracket = 0x5d;
const comma = 0x2c;

/** Reads lists of numbers of JSON, all of one length, each into its row of an array. */
export class ListReader {
  readonly #scanner: NumberScanner;
  readonly #filler: Filler;
  readonly #floats: Float32Array | undefined;
  readonly #values: number[];

  /** @param width numbers of a list */
  constructor(scanner: NumberScanner, filler: Filler, width: number) {
    this.#scanner = scanner;
    this.#filler = filler;
    this.#floats = filler.target instanceof Float32Array ? filler.target : undefined;
    this.#values = new Array<number>(width).fill(0);
  }

  /** @returns the place behind the list; -1 when it is no such list, or holds a number that the array cannot */
  read(bytes: Uint8Array, start: number, row: number): number {
    const offset = row * this.#values.length;
    if (this.#floats !== undefined) return this.#readFloats(this.#floats, bytes, start, offset);
    const place = this.#readValues(bytes, start);
    return place < 0 || this.#filler.fillRow(this.#values, offset) >= 0 ? -1 : place;
  }

  /** Most tensors are FP32, and theirs need no list between. */
  #readFloats(target: Float32Array, bytes: Uint8Array, start: number, offset: number): number {
    const scanner = this.#scanner;
    const end = offset + this.#values.length;
    let place = skipSpace(bytes, start);
    if (bytes[place++] !== openBracket) return -1;
    for (let element = offset; element < end; element++) {
      if (element > offset && bytes[place++] !== comma) return -1;
      target[element] = scanner.scan(bytes, skipSpace(bytes, place), true);
      // NaN where no number begins, infinite where FP32 has it not.
      if (!Number.isFinite(target[element])) return -1;
      place = skipSpace(bytes, scanner.end);
    }
    return bytes[place++] === closeBracket ? place : -1;
  }

  #readValues(bytes: Uint8Array, start: number): number {
    const scanner = this.#scanner;
    const values = this.#values;
    let place = skipSpace(bytes, start);
    if (bytes[place++] !== openBracket) return -1;
    for (let index = 0; index < values.length; index++) {
      if (index > 0 && bytes[place++] !== comma) return -1;
      const value = scanner.scan(bytes, skipSpace(bytes, place), false);
      if (Number.isNaN(value)) return -1;
      values[index] = value;
      place = skipSpace(bytes, scanner.end);
    }
    return bytes[place++] === closeBracket ? place : -1;
  }
}
