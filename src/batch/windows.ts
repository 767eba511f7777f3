import { stackTensors } from '../inference/stacking.ts';
import { linesBytes, type RecordReader, type SourceRecord, sliceRows } from './source-record.ts';
import { type LineBlock, lineAt } from './sources/line-block.ts';
import { maximumGapBytes } from './sources/lines.ts';

/** When a window is full. */
export interface FullWindow {
  /** Records of it, a multiple of the rows per run. */
  readonly records: number;
  /** Input bytes, once there are a few micro-batches: beside so many what the window costs itself is nothing. */
  readonly enoughBytes: number;
}

export interface WindowOptions {
  readonly rowsPerRun: number;
  readonly full: FullWindow;
  /** Record of the shard that the first one read is. */
  readonly firstRecord: number;
  /** How many records the window that begins with this record may hold. */
  readonly limit: (record: number) => number;
}

/** Micro-batches of a window at least: enough that records of different shapes find others of their own. */
const minimumRuns = 4;
/** Input bytes at which a window is full in any case, for memory's sake. */
const maximumBytes = 8 * 1024 * 1024;

/**
 * Records in windows: so many as are worked on at once, whole micro-batches of them, bounded in bytes. Where windows
 * are cut depends on the records alone, so an attempt that resumes at the end of one cuts the same windows as its
 * forerunner. Lines, and rows of an array, that follow each other come as one.
 *
 * @returns what the reader returns
 */
export async function* readWindows(
  reader: RecordReader,
  { rowsPerRun, full, firstRecord, limit }: WindowOptions,
): AsyncGenerator<readonly SourceRecord[], number> {
  let next = firstRecord;
  /** Of the window, what earlier reads gave, ... */
  let kept: SourceRecord[] = [];
  /** ... and what the last one did. */
  let parts: SourceRecord[] = [];
  const begin = () => new WindowSize(rowsPerRun, full, limit(next));
  let window = begin();
  for (;;) {
    const read = await reader.next();
    if (read.done === true) {
      if (kept.length > 0) yield joinRows(kept);
      return read.value;
    }
    for (const record of read.value) {
      let start = 0;
      while (start < record.count) {
        const end = window.take(record, start);
        parts.push(sliceRows(record, start, end));
        next += end - start;
        start = end;
        if (!window.isFull) continue;
        yield joinRows([...kept, ...parts]);
        kept = [];
        parts = [];
        window = begin();
      }
    }
    kept.push(...parts.map(keepRows));
    parts = [];
  }
}

/** How many records of one size a window holds, where nothing else limits it. */
export function recordsPerWindow(
  recordBytes: number,
  { rowsPerRun, full }: Pick<WindowOptions, 'rowsPerRun' | 'full'>,
): number {
  const window = new WindowSize(rowsPerRun, full, Number.POSITIVE_INFINITY);
  let records = 0;
  do {
    window.add(recordBytes);
    records += 1;
  } while (!window.isFull);
  return records;
}

/** How much a window holds. */
class WindowSize {
  readonly #rowsPerRun: number;
  readonly #limit: number;
  readonly #enoughBytes: number;
  #records = 0;
  #bytes = 0;

  constructor(rowsPerRun: number, { records, enoughBytes }: FullWindow, limit: number) {
    this.#rowsPerRun = rowsPerRun;
    this.#limit = Math.min(records, limit);
    this.#enoughBytes = enoughBytes;
  }

  get isFull(): boolean {
    const runs = this.#records / this.#rowsPerRun;
    return (
      this.#records >= this.#limit ||
      this.#bytes >= maximumBytes ||
      (this.#bytes >= this.#enoughBytes && runs >= minimumRuns && Number.isInteger(runs))
    );
  }

  /** Takes records of one that holds several, from `start` on, until the window is full. @returns where it ends */
  take({ content, sizeBytes, count }: SourceRecord, start: number): number {
    const rowBytes = sizeBytes / count;
    let end = start;
    do {
      this.add(content.kind === 'lines' ? linesBytes(content.lines, end, end + 1) : rowBytes);
      end += 1;
    } while (end < count && !this.isFull);
    return end;
  }

  add(recordBytes: number): void {
    this.#bytes += recordBytes;
    this.#records += 1;
  }
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
  const { offset, start } = diskStart(first);
  const secondStart = second.starts[0] ?? 0;
  const gap = second.offset + secondStart - (first.offset + (first.ends.at(-1) ?? 0));
  if (gap > maximumGapBytes) return undefined;
  const shift = second.offset - offset;
  const bytes = new Uint8Array(shift + second.behind);
  bytes.set(first.bytes.subarray(start, first.behind));
  bytes.set(second.bytes.subarray(secondStart, second.behind), shift + secondStart);
  return {
    bytes,
    offset,
    starts: joinPlaces(shifted(first.starts, -start), shifted(second.starts, shift)),
    ends: joinPlaces(shifted(first.ends, -start), shifted(second.ends, shift)),
    linesBefore: joinPlaces(first.linesBefore, second.linesBefore),
    behind: shift + second.behind,
  };
}

/** Where the first line begins, a byte-order mark before it included. */
function diskStart(lines: LineBlock): { readonly offset: number; readonly start: number } {
  const { offset } = lineAt(lines, 0);
  return { offset, start: offset - lines.offset };
}

function shifted(places: Int32Array, by: number): Int32Array {
  return places.map((place) => place + by);
}

/** Lines and rows in memory of their own: a reader's is there only until it is asked for more. */
function keepRows(record: SourceRecord): SourceRecord {
  const { content } = record;
  if (content.kind === 'array') {
    const { tensor } = content;
    return {
      ...record,
      content: { kind: 'array', tensor: { ...tensor, data: tensor.data.slice() } },
    };
  }
  if (content.kind !== 'lines') return record;
  const { lines } = content;
  const { offset, start } = diskStart(lines);
  return {
    ...record,
    content: {
      ...content,
      lines: {
        bytes: new Uint8Array(lines.bytes.subarray(start, lines.behind)),
        offset,
        starts: shifted(lines.starts, -start),
        ends: shifted(lines.ends, -start),
        linesBefore: lines.linesBefore,
        behind: lines.behind - start,
      },
    },
  };
}

function joinPlaces(first: Int32Array, second: Int32Array): Int32Array {
  const joined = new Int32Array(first.length + second.length);
  joined.set(first);
  joined.set(second, first.length);
  return joined;
}
