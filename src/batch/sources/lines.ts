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

/** Where to read from, so that the first line of a range is found: a line may start at `start` exactly. */
export function firstByteToRead(start: number): number {
  return start === 0 ? 0 : start - 1;
}

/**
 * The lines whose first byte lies in a range, whatever stands around it: ranges that cover an object without gaps
 * give every line exactly once. Blocks come from `firstByteToRead(start)` on, and are read on behind the range
 * until its last line is whole. CRLF, a byte-order mark, empty lines and a missing last line end are all right.
 *
 * Lines come in lists, one for each block that completes any: views of the block, not copies.
 *
 * @returns how many lines of the range there were, empty ones too
 */
export async function* readLines(
  blocks: AsyncIterable<Block>,
  range: LineRange,
): AsyncGenerator<Line[], number> {
  const ends = range.quoted === true ? new QuotedLineEnds() : new PlainLineEnds();
  const { isStart = true } = range;
  let lineStart = range.start;
  // Until the end of the line that began before the range has gone by, bytes are not ours.
  let outside = range.start > 0;
  let pieces: Uint8Array[] = [];
  let piecesBytes = 0;
  let oversized = false;
  let count = 0;

  const finish = (tail: Uint8Array): Line | undefined => {
    const sizeOnDisk = piecesBytes + tail.byteLength;
    let bytes = pieces.length === 0 ? tail : Buffer.concat([...pieces, tail]);
    const tooLong = oversized || sizeOnDisk > range.maximumBytes;
    pieces = [];
    piecesBytes = 0;
    oversized = false;
    const linesBefore = count;
    count += ends.lines;
    const offset = lineStart;
    if (tooLong) return { offset, linesBefore, sizeBytes: sizeOnDisk, bytes: undefined };
    if (bytes.at(-1) === carriageReturn) bytes = bytes.subarray(0, -1);
    const sizeBytes = bytes.byteLength;
    if (offset === 0 && isStart) bytes = withoutByteOrderMark(bytes);
    return bytes.byteLength === 0 ? undefined : { offset, linesBefore, sizeBytes, bytes };
  };

  for await (const { offset, bytes } of blocks) {
    const lines: Line[] = [];
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
    while (lineStart < range.end) {
      const end = ends.next();
      if (end < 0) break;
      const line = finish(bytes.subarray(position, end));
      if (line !== undefined) lines.push(line);
      position = end + 1;
      lineStart = offset + position;
    }
    if (lineStart >= range.end) {
      if (lines.length > 0) yield lines;
      return count;
    }
    const rest = bytes.subarray(position);
    piecesBytes += rest.byteLength;
    if (oversized || piecesBytes > range.maximumBytes) {
      oversized = true;
      pieces = [];
    } else if (rest.byteLength > 0) pieces.push(rest);
    if (lines.length > 0) yield lines;
  }
  // The last line of the object, without a line end.
  if (!outside && lineStart < range.end && piecesBytes > 0) {
    ends.finish();
    const line = finish(new Uint8Array(0));
    if (line !== undefined) yield [line];
  }
  return count;
}

function withoutByteOrderMark(bytes: Uint8Array): Uint8Array {
  const marked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  return marked ? bytes.subarray(3) : bytes;
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
