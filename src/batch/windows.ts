import { stackTensors } from '../inference/stacking.ts';
import { type RecordReader, type SourceRecord, sliceRows } from './source-record.ts';

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
        const end = Math.min(record.count, start + roomFor(record, limit - count, bytes));
        window.push(sliceRows(record, start, end));
        next += end - start;
        count += end - start;
        bytes += (record.sizeBytes / record.count) * (end - start);
        start = end;
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

/** Records of a block that a window takes: at least one, and the one that exceeds the bytes is the last. */
function roomFor({ sizeBytes, count }: SourceRecord, records: number, bytes: number): number {
  if (count === 1) return 1;
  const rowBytes = sizeBytes / count;
  return Math.min(records, Math.max(1, Math.ceil((maximumWindowBytes - bytes) / rowBytes)));
}

/** Rows that one read ended within and the next began with: how an object is read must not show. */
function joinRows(window: readonly SourceRecord[]): readonly SourceRecord[] {
  if (window.length === 1) return window;
  const joined: SourceRecord[] = [];
  for (const record of window) {
    const last = joined.at(-1);
    if (last?.content.kind === 'array' && record.content.kind === 'array') {
      joined[joined.length - 1] = joinTwo(last, record);
    } else joined.push(record);
  }
  return joined;
}

function joinTwo(first: SourceRecord, second: SourceRecord): SourceRecord {
  if (first.content.kind !== 'array' || second.content.kind !== 'array') return first;
  const [tensor] = stackTensors([
    [{ ...first.content.tensor, name: '' }],
    [{ ...second.content.tensor, name: '' }],
  ]);
  return {
    ...first,
    sizeBytes: first.sizeBytes + second.sizeBytes,
    next: second.next,
    count: first.count + second.count,
    content: { kind: 'array', tensor: tensor ?? first.content.tensor },
  };
}
