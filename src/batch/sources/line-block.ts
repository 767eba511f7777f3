const newline = 0x0a;

/** A line that is not empty. */
export interface Line {
  /** Offset of its first byte in the object. */
  readonly offset: number;
  /** How many lines, empty ones too, come before it in what was read. */
  readonly linesBefore: number;
  /** Bytes on disk without the line end. */
  readonly sizeBytes: number;
  /** Without line end and byte-order mark; undefined when the line is longer than it may be. */
  readonly bytes: Uint8Array | undefined;
}

/** Lines that stand one behind the other, none of them empty or too long: many cost hardly more than one. */
export interface LineBlock {
  /** Consecutive bytes of the object. */
  readonly bytes: Uint8Array;
  /** Offset of the first of them in the object. */
  readonly offset: number;
  /** For each line where it begins in `bytes`, ... */
  readonly starts: Int32Array;
  /** ... where it ends, without its line end, ... */
  readonly ends: Int32Array;
  /** ... and how many lines, empty ones too, come before it in what was read. */
  readonly linesBefore: Int32Array;
  /** Place in `bytes` behind the last line's end. */
  readonly behind: number;
}

/** A line that is longer than it may be. */
export interface LongLine extends Line {
  readonly bytes: undefined;
}

export function isLongLine(found: LineBlock | LongLine): found is LongLine {
  return found.bytes === undefined;
}

/** One line of a block. */
export function lineAt(block: LineBlock, index: number): Line & { readonly bytes: Uint8Array } {
  const { bytes, offset, starts, ends, linesBefore } = block;
  const start = starts[index] ?? 0;
  const end = ends[index] ?? start;
  // A byte-order mark is no part of the first line, but of its bytes on disk.
  const isMarked = index === 0 && offset === 0 && start === markLength && markBytes(bytes) > 0;
  const diskStart = isMarked ? 0 : start;
  return {
    offset: offset + diskStart,
    linesBefore: linesBefore[index] ?? 0,
    sizeBytes: end - diskStart,
    bytes: bytes.subarray(start, end),
  };
}

/** How many lines an editor counts up to the end of a line: one with quoted line ends is several. */
export function linesThrough(
  { bytes, starts, ends, linesBefore }: LineBlock,
  index: number,
): number {
  let lines = (linesBefore[index] ?? 0) + 1;
  const end = ends[index] ?? 0;
  for (let place = starts[index] ?? 0; ; place++) {
    place = bytes.indexOf(newline, place);
    if (place < 0 || place >= end) return lines;
    lines += 1;
  }
}

/** Lines found in a block so far. */
export class FoundLines {
  #starts = new Int32Array(1024);
  #ends = new Int32Array(1024);
  #linesBefore = new Int32Array(1024);
  #count = 0;

  add(start: number, end: number, linesBefore: number): void {
    if (this.#count === this.#starts.length) {
      this.#starts = grown(this.#starts, this.#count * 2);
      this.#ends = grown(this.#ends, this.#count * 2);
      this.#linesBefore = grown(this.#linesBefore, this.#count * 2);
    }
    this.#starts[this.#count] = start;
    this.#ends[this.#count] = end;
    this.#linesBefore[this.#count] = linesBefore;
    this.#count += 1;
  }

  /** Where the last of them ends; infinite when there is none. */
  get behind(): number {
    return this.#count === 0 ? Number.POSITIVE_INFINITY : (this.#ends[this.#count - 1] ?? 0);
  }

  /** The lines since the last time; undefined when there are none. */
  take(bytes: Uint8Array, offset: number, behind: number): LineBlock | undefined {
    const count = this.#count;
    if (count === 0) return undefined;
    this.#count = 0;
    const taken = (places: Int32Array) => places.slice(0, count);
    return {
      bytes,
      offset,
      starts: taken(this.#starts),
      ends: taken(this.#ends),
      linesBefore: taken(this.#linesBefore),
      behind,
    };
  }
}

function grown(array: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(length);
  larger.set(array);
  return larger;
}

const space = 0x20;
const tab = 0x09;

/** Whether a line holds nothing but spaces and tabs. */
export function isBlank(bytes: Uint8Array, start: number, end: number): boolean {
  let place = start;
  while (place < end && (bytes[place] === space || bytes[place] === tab)) place++;
  return place === end;
}

const markLength = 3;

/** Length of the byte-order mark that a text begins with. */
export function markBytes(bytes: Uint8Array): number {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? markLength : 0;
}
