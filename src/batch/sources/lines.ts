import type { Block } from './blocks.ts';
import {
  FoundLines,
  isBlank,
  isLongLine,
  type Line,
  type LineBlock,
  type LongLine,
  lineAt,
  markBytes,
} from './line-block.ts';
import { PlainLineEnds, QuotedLineEnds } from './line-ends.ts';

const newline = 0x0a;
const carriageReturn = 0x0d;

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
  /** Whether a line of nothing but spaces and tabs counts as an empty one. @default false */
  readonly blankIsEmpty?: boolean;
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
  const { isStart = true, blankIsEmpty = false } = range;
  const isEmpty = (bytes: Uint8Array, start: number, end: number) =>
    end <= start || (blankIsEmpty && isBlank(bytes, start, end));
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
    if (!isEmpty(bytes, start, end)) found.add(start, end, linesBefore);
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
        if (!isEmpty(bytes, start, stop)) found.add(start, stop, count);
      }
      count += ends.lines;
      position = end + 1;
      lineStart = offset + position;
    }
    const block = found.take(bytes, offset, position);
    if (block !== undefined) yield block;
    if (lineStart >= range.end) return count;
    // A copy: the block may be there no longer when the next one comes.
    const rest = new Uint8Array(bytes.subarray(position));
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
