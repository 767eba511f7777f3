import { type Filler, openFiller } from '../../protocol/json-fill.ts';
import type { Tensor } from '../../protocol/tensor.ts';
import type { LineBlock } from '../sources/line-block.ts';
import { endOfPlainText, findPlaces, literalsBetween, skipSpace } from './json-places.ts';
import { ListReader } from './list-reader.ts';
import { Literal } from './literal.ts';
import { NumberScanner } from './number-scanner.ts';

/** What stands between the numbers of a list: its brackets and commas, without white space. */
type Separators = readonly Uint8Array[];

type Part =
  | { readonly kind: 'literal'; readonly literal: Literal }
  | { readonly kind: 'id' }
  | { readonly kind: 'data'; readonly tensor: Tensor; readonly separators: Separators };

/** Requests that came together, as the tensors of one. */
export interface PlainRequests {
  /** In the order of the first request, each with its rows for every request behind each other. */
  readonly inputs: readonly Tensor[];
  /** The id of each as it stands in its JSON; undefined when they have none. */
  readonly ids: readonly Uint8Array[] | undefined;
}

/**
 * Reads requests that are like one of them in all but their id and their numbers, straight from their bytes: no document
 * is made of any.
 */
export class RequestPattern {
  readonly #parts: readonly Part[];

  private constructor(parts: readonly Part[]) {
    this.#parts = parts;
  }

  /**
   * @param line a request
   * @param inputs its tensors, in its own order
   * @returns undefined when it is not written plainly
   */
  static of(line: Uint8Array, inputs: readonly Tensor[]): RequestPattern | undefined {
    const places = findPlaces(line, 'inputs');
    if (places === undefined) return undefined;
    const parts: Part[] = [];
    let input = 0;
    for (const [index, literal] of literalsBetween(line, places).entries()) {
      parts.push({ kind: 'literal', literal: new Literal(literal) });
      const place = places[index];
      if (place?.kind === 'id') parts.push({ kind: 'id' });
      if (place?.kind !== 'data') continue;
      const tensor = inputs[input++];
      if (tensor === undefined || !isOfNumbers(tensor)) return undefined;
      const separators = separatorsOf(line.subarray(place.start, place.end));
      if (separators.length !== tensor.data.length + 1) return undefined;
      parts.push({ kind: 'data', tensor, separators });
    }
    return new RequestPattern(parts);
  }

  /** @returns undefined when one of the lines is not like the pattern, or holds a value that does not fit */
  read(lines: LineBlock, from: number, to: number): PlainRequests | undefined {
    const readers = this.#parts.map((part) => new PartReader(part, to - from));
    const { bytes, starts, ends } = lines;
    const ids: Uint8Array[] = [];
    for (let line = from; line < to; line++) {
      let place = starts[line] ?? 0;
      for (const reader of readers) {
        const start = place;
        place = reader.read(bytes, place, line - from);
        if (place < 0) return undefined;
        if (reader.isId) ids.push(bytes.subarray(start, place));
      }
      if (place !== ends[line]) return undefined;
    }
    const inputs = readers.flatMap((reader) => reader.tensor ?? []);
    return { inputs, ids: ids.length === 0 ? undefined : ids };
  }
}

/** Reads one part of each line. */
class PartReader {
  readonly #part: Part;
  readonly #filler: Filler | undefined;
  /** Of numbers that are one list, and no lists of lists. */
  readonly #list: ListReader | undefined;
  readonly #values: number[];
  readonly #scanner = new NumberScanner();
  readonly #lines: number;

  constructor(part: Part, lines: number) {
    this.#part = part;
    this.#lines = lines;
    const tensor = part.kind === 'data' ? part.tensor : undefined;
    const width = tensor?.data.length ?? 0;
    this.#values = new Array<number>(width).fill(0);
    this.#filler =
      tensor === undefined || tensor.datatype === 'FP16'
        ? undefined
        : openFiller(tensor.datatype, width * lines);
    this.#list =
      part.kind === 'data' && this.#filler !== undefined && isFlat(part.separators)
        ? new ListReader(this.#scanner, this.#filler, width)
        : undefined;
  }

  get isId(): boolean {
    return this.#part.kind === 'id';
  }

  /** @returns the place behind it; -1 when it is not there */
  read(bytes: Uint8Array, start: number, line: number): number {
    const part = this.#part;
    if (part.kind === 'id') return endOfPlainText(bytes, start);
    if (part.kind === 'literal') return part.literal.behind(bytes, start);
    return this.#readNumbers(bytes, start, line, part);
  }

  #readNumbers(
    bytes: Uint8Array,
    start: number,
    line: number,
    { tensor, separators }: Extract<Part, { kind: 'data' }>,
  ): number {
    if (this.#list !== undefined) return this.#list.read(bytes, start, line);
    const place = this.#readLists(bytes, start, separators, tensor.datatype === 'FP32');
    if (place < 0) return -1;
    const bad = this.#filler?.fillRow(this.#values, line * this.#values.length) ?? 0;
    return bad < 0 ? place : -1;
  }

  #readLists(bytes: Uint8Array, start: number, separators: Separators, single: boolean): number {
    const scanner = this.#scanner;
    const values = this.#values;
    let place = start;
    for (let index = 0; ; index++) {
      const separator = separators[index];
      if (separator === undefined) return -1;
      for (let at = 0; at < separator.length; at++) {
        place = skipSpace(bytes, place);
        if (bytes[place++] !== separator[at]) return -1;
      }
      if (index === values.length) return place;
      place = skipSpace(bytes, place);
      const value = scanner.scan(bytes, place, single);
      if (Number.isNaN(value)) return -1;
      values[index] = value;
      place = scanner.end;
    }
  }

  /** The numbers of all lines. */
  get tensor(): Tensor | undefined {
    if (this.#part.kind !== 'data' || this.#filler === undefined) return undefined;
    const { name, datatype, shape } = this.#part.tensor;
    const [rows = 1, ...rest] = shape;
    const all = this.#lines === 1 ? shape : [rows * this.#lines, ...rest];
    return { name, datatype, shape: all, data: this.#filler.target };
  }
}

function isOfNumbers({ datatype, data }: Tensor): boolean {
  return datatype !== 'BYTES' && datatype !== 'FP16' && data.length > 0;
}

function isFlat(separators: Separators): boolean {
  return separators.every(({ length }) => length === 1);
}

function separatorsOf(list: Uint8Array): Separators {
  const text = Buffer.from(list).toString('latin1').replace(/[ \t]/g, '');
  return text.split(/[^[\],]+/).map((separator) => Buffer.from(separator));
}
