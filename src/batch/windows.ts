import type { RecordReader, SourceRecord } from './records.ts';

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
 * on the records alone, so an attempt that resumes at the end of one cuts the same windows as its forerunner.
 *
 * @returns what the reader returns
 */
export async function* readWindows(
  reader: RecordReader,
  options: WindowOptions,
): AsyncGenerator<readonly SourceRecord[], number> {
  let next = options.firstRecord;
  let limit = options.limit(next);
  let window: SourceRecord[] = [];
  let bytes = 0;
  for (;;) {
    const read = await reader.next();
    if (read.done === true) {
      if (window.length > 0) yield window;
      return read.value;
    }
    for (const record of read.value) {
      next += 1;
      window.push(record);
      bytes += record.sizeBytes;
      if (bytes < maximumWindowBytes && window.length < Math.min(limit, options.records)) continue;
      yield window;
      window = [];
      bytes = 0;
      limit = options.limit(next);
    }
  }
}
