import type { Block } from './blocks.ts';

const newline = 0x0a;
const carriageReturn = 0x0d;
const quote = 0x22;

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

export interface LineRange {
  /** First byte that belongs to the range. */
  readonly start: number;
  /** A line belongs to the range when its first byte lies before this. */
  readonly end: number;
  /** Longest line that is kept in memory. */
  readonly maximumBytes: number;
  /** Whether a line end between quotes is part of a field, as in CSV; then a line begins at `start` exactly. @default false */
  readonly quoted?: boolean;
  /** Whether the object's first byte is the first of a text, so that a byte-order mark may stand there. @default true */
  readonly isStart?: boolean;
}

/** Empty lines within a block, in bytes: what is beyond parts blocks. */
export const maximumGapBytes = 64 * 1024;

/** Where to read from, so that the first line of a range is found: a line may start at `start` exactly. */
export function firstByteToRead(start: number): number {
  return start === 0 ? 0 : start - 1;
}

/**
 * The lines whose first byte lies in a range, whatever stands around it: ranges that cover an object without gaps
 * give every line exactly once. Blocks come from `firstByteToRead(start)` on, and are read on behind the range
 * until its last line is whole. CRLF, a byte-order mark, empty lines and a missing last line end are all right.
 *
 * @returns how many lines of the range there were, empty ones too
 */
export async function* readLineBlocks(
  blocks: AsyncIterable<Block>,
  range: LineRange,
): AsyncGenerator<LineBlock | LongLine, number> {
  const ends = range.quoted === true ? new QuotedLineEnds() : new PlainLineEnds();
  const { isStart = true } = range;
  let lineStart = range.start;
  // Until the end of the line that began before the range has gone by, bytes are not ours.
  let outside = range.start > 0;
  /** The beginning of a line that goes on in the next block. */
  let pieces: Uint8Array[] = [];
  let piecesBytes = 0;
  let oversized = false;
  let count = 0;
  const found = new FoundLines();

  const finishPieces = (
    tail: Uint8Array,
    lineEnd: Uint8Array,
  ): LineBlock | LongLine | undefined => {
    const sizeBytes = piecesBytes + tail.byteLength;
    const tooLong = oversized || sizeBytes > range.maximumBytes;
    const bytes = tooLong ? undefined : Buffer.concat([...pieces, tail, lineEnd]);
    pieces = [];
    piecesBytes = 0;
    oversized = false;
    const linesBefore = count;
    count += ends.lines;
    const offset = lineStart;
    if (bytes === undefined) return { offset, linesBefore, sizeBytes, bytes };
    const start = offset === 0 && isStart ? markBytes(bytes) : 0;
    const end = bytes[sizeBytes - 1] === carriageReturn ? sizeBytes - 1 : sizeBytes;
    if (end > start) found.add(start, end, linesBefore);
    return found.take(bytes, offset, bytes.byteLength);
  };

  for await (const { offset, bytes } of blocks) {
    let position = 0;
    if (outside) {
      const end = bytes.indexOf(newline);
      if (end < 0) {
        if (offset + bytes.byteLength >= range.end) return count;
        continue;
      }
      position = end + 1;
      lineStart = offset + position;
      outside = false;
    }
    ends.enter(bytes, position);
    if (piecesBytes > 0 && lineStart < range.end) {
      const end = ends.next();
      if (end >= 0) {
        const line = finishPieces(bytes.subarray(position, end), bytes.subarray(end, end + 1));
        if (line !== undefined) yield line;
        position = end + 1;
        lineStart = offset + position;
      }
    }
    while (piecesBytes === 0 && lineStart < range.end) {
      const end = ends.next();
      if (end < 0) break;
      if (end - position > range.maximumBytes) {
        const before = found.take(bytes, offset, position);
        if (before !== undefined) yield before;
        const sizeBytes = end - position;
        yield { offset: lineStart, linesBefore: count, sizeBytes, bytes: undefined };
      } else {
        const isFirst = lineStart === 0 && isStart;
        const start = isFirst ? position + markBytes(bytes.subarray(position, end)) : position;
        const stop = end > start && bytes[end - 1] === carriageReturn ? end - 1 : end;
        if (start - found.behind > maximumGapBytes) {
          const before = found.take(bytes, offset, position);
          if (before !== undefined) yield before;
        }
        if (stop > start) found.add(start, stop, count);
      }
      count += ends.lines;
      position = end + 1;
      lineStart = offset + position;
    }
    const block = found.take(bytes, offset, position);
    if (block !== undefined) yield block;
    if (lineStart >= range.end) return count;
    const rest = bytes.subarray(position);
    piecesBytes += rest.byteLength;
    if (oversized || piecesBytes > range.maximumBytes) {
      oversized = true;
      pieces = [];
    } else if (rest.byteLength > 0) pieces.push(rest);
  }
  // The last line of the object, without a line end.
  if (!outside && lineStart < range.end && piecesBytes > 0) {
    ends.finish();
    const line = finishPieces(new Uint8Array(0), new Uint8Array(0));
    if (line !== undefined) yield line;
  }
  return count;
}

/**
 * As `readLineBlocks`, with each line by itself. Lines come in lists, one for each block that completes any: views of
 * the block, not copies.
 *
 * @returns how many lines of the range there were, empty ones too
 */
export async function* readLines(
  blocks: AsyncIterable<Block>,
  range: LineRange,
): AsyncGenerator<Line[], number> {
  const found = readLineBlocks(blocks, range);
  for (;;) {
    const next = await found.next();
    if (next.done === true) return next.value;
    const block = next.value;
    yield isLongLine(block)
      ? [block]
      : Array.from({ length: block.starts.length }, (_, index) => lineAt(block, index));
  }
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
class FoundLines {
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

const markLength = 3;

/** Length of the byte-order mark that a text begins with. */
function markBytes(bytes: Uint8Array): number {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? markLength : 0;
}

/** Finds line ends, block by block. */
interface LineEnds {
  /** Lines as an editor counts them that the line just found has: more than one when it holds quoted line ends. */
  readonly lines: number;
  enter(bytes: Uint8Array, position: number): void;
  /** Place of the next line end in the block; -1 when it lies behind the block. */
  next(): number;
  /** The object ends within a line. */
  finish(): void;
}

class PlainLineEnds implements LineEnds {
  readonly lines = 1;
  #bytes: Uint8Array = new Uint8Array(0);
  #position = 0;

  enter(bytes: Uint8Array, position: number): void {
    this.#bytes = bytes;
    this.#position = position;
  }

  next(): number {
    const end = this.#bytes.indexOf(newline, this.#position);
    this.#position = end + 1;
    return end;
  }

  finish(): void {
    // A line without an end is one line like any other.
  }
}

/**
 * RFC 4180: a line end between quotes belongs to a field. A quote within a quoted field is written twice, so whether
 * a place is quoted is whether the number of quotes before it is odd.
 */
export class QuotedLineEnds implements LineEnds {
  lines = 1;
  #bytes: Uint8Array = new Uint8Array(0);
  #position = 0;
  #quoted = false;
  /** Line ends within the line so far. */
  #inner = 0;
  /** Place of the next quote at or after the position; the block's length when there is none. */
  #nextQuote = 0;

  enter(bytes: Uint8Array, position: number): void {
    this.#bytes = bytes;
    this.#position = position;
    this.#findQuote();
  }

  next(): number {
    for (;;) {
      const end = this.#bytes.indexOf(newline, this.#position);
      const limit = end < 0 ? this.#bytes.byteLength : end;
      // Each quote up to the line end turns the state over.
      while (this.#nextQuote < limit) {
        this.#quoted = !this.#quoted;
        this.#position = this.#nextQuote + 1;
        this.#findQuote();
      }
      if (end < 0) return -1;
      this.#position = end + 1;
      if (!this.#quoted) {
        this.lines = this.#inner + 1;
        this.#inner = 0;
        return end;
      }
      this.#inner += 1;
    }
  }

  finish(): void {
    this.lines = this.#inner + 1;
  }

  #findQuote(): void {
    const found = this.#bytes.indexOf(quote, this.#position);
    this.#nextQuote = found < 0 ? this.#bytes.byteLength : found;
  }
}
