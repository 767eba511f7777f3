import type { Block } from './blocks.ts';

const newline = 0x0a;
const carriageReturn = 0x0d;

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
    const linesBefore = count++;
    const offset = lineStart;
    if (tooLong) return { offset, linesBefore, sizeBytes: sizeOnDisk, bytes: undefined };
    if (bytes.at(-1) === carriageReturn) bytes = bytes.subarray(0, -1);
    const sizeBytes = bytes.byteLength;
    if (offset === 0) bytes = withoutByteOrderMark(bytes);
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
    while (lineStart < range.end) {
      const end = bytes.indexOf(newline, position);
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
    const line = finish(new Uint8Array(0));
    if (line !== undefined) yield [line];
  }
  return count;
}

function withoutByteOrderMark(bytes: Uint8Array): Uint8Array {
  const marked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  return marked ? bytes.subarray(3) : bytes;
}
