import type { ObjectStore } from '../object-store.ts';
import type { LineSource } from '../shard.ts';
import {
  maximumRecordBytes,
  type Position,
  type RecordContent,
  type RecordReader,
  tooLarge,
} from '../source-record.ts';
import { readBlocks } from './blocks.ts';
import { firstByteToRead, type Line, readLines } from './lines.ts';

/** Lines, one record each. */
export async function* readLineRecords(
  store: Pick<ObjectStore, 'read'>,
  source: LineSource,
  from: Position,
): RecordReader {
  const { object, end, format, unpacked } = source;
  const base = unpacked?.offset ?? 0;
  const blocks = readBlocks(store, object, firstByteToRead(from.offset), end);
  const lines = readLines(blocks, {
    start: from.offset,
    end,
    maximumBytes: maximumRecordBytes,
    quoted: format === 'csv',
    // A stretch of something larger begins with a record, and not with a byte-order mark.
    isStart: base === 0,
  });
  const content = contentOf(source);
  for (;;) {
    const next = await lines.next();
    if (next.done === true) return from.number + next.value;
    yield next.value.map((line) => ({
      number: from.number + line.linesBefore,
      offset: base + line.offset,
      sizeBytes: line.sizeBytes,
      next: line.offset + line.sizeBytes,
      count: 1,
      content: content(line),
    }));
  }
}

function contentOf({ header }: LineSource): (line: Line) => RecordContent {
  return ({ bytes, sizeBytes }) => {
    if (bytes === undefined) return tooLarge(sizeBytes);
    return header === undefined ? { kind: 'line', bytes } : { kind: 'csv', bytes, header };
  };
}
