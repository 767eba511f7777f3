import { stackTensors } from '../inference/stacking.ts';
import { linesBytes, type RecordReader, type SourceRecord, sliceRows } from './source-record.ts';
import { type LineBlock, lineAt, maximumGapBytes } from './sources/lines.ts';

export interface WindowOptions {
  /** Records of a full window. */
  readonly records: number;
  /** Record of the shard that the first one read is. */
  readonly firstRecord: number;
  /** How many records the window that begins with this record may hold. */
  readonly limit: (record: number) => number;
}

/** Input bytes at which a window is full. */
const maximumWindowBytes = 16 * 1024 * 1024;

/**
 * Records in windows: so many as are worked on at once, bounded in number and bytes. Where windows are cut depends
 * on the records alone, so an attempt that resumes at the end of one cuts the same windows as its forerunner. Rows
 * of an array that follow each other come as one.
 *
 * @returns what the reader returns
 */
export async function* readWindows(
  reader: RecordReader,
  options: WindowOptions,
): AsyncGenerator<readonly SourceRecord[], number> {
  let next = options.firstRecord;
  let window: SourceRecord[] = [];
  let count = 0;
  let bytes = 0;
  let limit = Math.min(options.limit(next), options.records);
  for (;;) {
    const read = await reader.next();
    if (read.done === true) {
      if (window.length > 0) yield joinRows(window);
      return read.value;
    }
    for (const record of read.value) {
      let start = 0;
      while (start < record.count) {
        const taken = takeRows(record, start, limit - count, maximumWindowBytes - bytes);
        window.push(sliceRows(record, start, taken.end));
        next += taken.end - start;
        count += taken.end - start;
        bytes += taken.bytes;
        start = taken.end;
        if (bytes < maximumWindowBytes && count < limit) continue;
        yield joinRows(window);
        window = [];
        count = 0;
        bytes = 0;
        limit = Math.min(options.limit(next), options.records);
      }
    }
  }
}

/** Records of one that holds several for a window: at least one, and the one that exceeds the bytes is the last. */
function takeRows(
  { content, sizeBytes, count }: SourceRecord,
  start: number,
  records: number,
  room: number,
): { readonly end: number; readonly bytes: number } {
  const last = Math.min(count, start + records);
  if (content.kind !== 'lines') {
    const rowBytes = sizeBytes / count;
    const rows = count === 1 ? 1 : Math.max(1, Math.ceil(room / rowBytes));
    const end = Math.min(last, start + rows);
    return { end, bytes: rowBytes * (end - start) };
  }
  let end = start;
  let bytes = 0;
  while (end < last && bytes < room) {
    bytes += linesBytes(content.lines, end, end + 1);
    end += 1;
  }
  return { end, bytes };
}

/** Lines and rows that one read ended within and the next began with: how an object is read must not show. */
function joinRows(window: readonly SourceRecord[]): readonly SourceRecord[] {
  if (window.length === 1) return window;
  const joined: SourceRecord[] = [];
  for (const record of window) {
    const last = joined.at(-1);
    const both = last === undefined ? undefined : joinTwo(last, record);
    if (both === undefined) joined.push(record);
    else joined[joined.length - 1] = both;
  }
  return joined;
}

function joinTwo(first: SourceRecord, second: SourceRecord): SourceRecord | undefined {
  if (first.content.kind === 'array' && second.content.kind === 'array') {
    const [tensor] = stackTensors([
      [{ ...first.content.tensor, name: '' }],
      [{ ...second.content.tensor, name: '' }],
    ]);
    const content = { kind: 'array', tensor: tensor ?? first.content.tensor } as const;
    return { ...together(first, second), content };
  }
  if (first.content.kind === 'lines' && second.content.kind === 'lines') {
    const { header } = first.content;
    const lines = joinLines(first.content.lines, second.content.lines);
    if (lines === undefined) return undefined;
    return { ...together(first, second), content: { kind: 'lines', lines, header } };
  }
  return undefined;
}

function together(first: SourceRecord, second: SourceRecord) {
  return {
    ...first,
    sizeBytes: first.sizeBytes + second.sizeBytes,
    next: second.next,
    nextNumber: second.nextNumber,
    count: first.count + second.count,
  };
}

/** Neighbours; undefined when too many empty lines lie between them. */
function joinLines(first: LineBlock, second: LineBlock): LineBlock | undefined {
  const { offset } = lineAt(first, 0);
  const start = offset - first.offset;
  const secondStart = second.starts[0] ?? 0;
  const gap = second.offset + secondStart - (first.offset + (first.ends.at(-1) ?? 0));
  if (gap > maximumGapBytes) return undefined;
  const shift = second.offset - offset;
  const bytes = new Uint8Array(shift + second.behind);
  bytes.set(first.bytes.subarray(start, first.behind));
  bytes.set(second.bytes.subarray(secondStart, second.behind), shift + secondStart);
  const shifted = (places: Int32Array, by: number) => places.map((place) => place + by);
  return {
    bytes,
    offset,
    starts: joinPlaces(shifted(first.starts, -start), shifted(second.starts, shift)),
    ends: joinPlaces(shifted(first.ends, -start), shifted(second.ends, shift)),
    linesBefore: joinPlaces(first.linesBefore, second.linesBefore),
    behind: shift + second.behind,
  };
}

function joinPlaces(first: Int32Array, second: Int32Array): Int32Array {
  const joined = new Int32Array(first.length + second.length);
  joined.set(first);
  joined.set(second, first.length);
  return joined;
}
