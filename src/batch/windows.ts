import { type ServingError, toServingError } from '../errors.ts';
import type { DecodedRecord, RecordDecoder } from './decode.ts';
import type { RecordReader, SourceRecord } from './records.ts';

/** A record with what it was decoded to, or why it could not be. */
export interface WindowEntry {
  readonly record: SourceRecord;
  readonly decoded: DecodedRecord | ServingError;
}

export interface WindowOptions {
  /** Rows at which a window is full; the last record may exceed it. */
  readonly rows: number;
  /** Record of the shard that the first one read is. */
  readonly firstRecord: number;
  /** How many records the window that begins with this record may hold. */
  readonly limit: (record: number) => number;
  /** Records that are not to be decoded, and what is said of them. */
  readonly refused: (record: number) => ServingError | undefined;
}

/** Tensor bytes at which a window is full. */
const maximumWindowBytes = 16 * 1024 * 1024;

/**
 * Records in windows: so many as are worked on at once, bounded in rows and bytes. Where windows are cut depends
 * on the records alone, so an attempt that resumes at the end of one cuts the same windows as its forerunner.
 *
 * @returns what the reader returns
 */
export async function* readWindows(
  reader: RecordReader,
  decode: RecordDecoder,
  options: WindowOptions,
): AsyncGenerator<readonly WindowEntry[], number> {
  let next = options.firstRecord;
  let limit = options.limit(next);
  let window: WindowEntry[] = [];
  let rows = 0;
  let bytes = 0;
  for (;;) {
    const read = await reader.next();
    if (read.done === true) {
      if (window.length > 0) yield window;
      return read.value;
    }
    for (const record of read.value) {
      const decoded = options.refused(next) ?? attempt(decode, record);
      next += 1;
      window.push({ record, decoded });
      if ('inputs' in decoded) {
        rows += decoded.inputs[0]?.shape[0] ?? 1;
        for (const { data } of decoded.inputs) {
          bytes += Array.isArray(data) ? record.sizeBytes : data.byteLength;
        }
      }
      if (
        rows >= options.rows ||
        bytes >= maximumWindowBytes ||
        window.length >= Math.min(limit, 4 * options.rows)
      ) {
        yield window;
        window = [];
        rows = 0;
        bytes = 0;
        limit = options.limit(next);
      }
    }
  }
}

function attempt(decode: RecordDecoder, record: SourceRecord): DecodedRecord | ServingError {
  try {
    return decode(record);
  } catch (thrown) {
    return toServingError(thrown);
  }
}
