import type { ObjectStore } from '../object-store.ts';
import type { LineSource } from '../shard.ts';
import {
  maximumRecordBytes,
  type Position,
  type RecordReader,
  recordOfLines,
  type SourceRecord,
  tooLarge,
} from '../source-record.ts';
import { readBlocks } from './blocks.ts';
import { isBlankNoRecord } from './csv-header.ts';
import { isLongLine, type LongLine } from './line-block.ts';
import { firstByteToRead, readLineBlocks } from './lines.ts';

/** Lines, each a record; those that were read together come together. */
export async function* readLineRecords(
  store: Pick<ObjectStore, 'read'>,
  source: LineSource,
  from: Position,
): RecordReader {
  const { object, end, format, header, unpacked } = source;
  const base = unpacked?.offset ?? 0;
  const blocks = readBlocks(store, object, firstByteToRead(from.offset), end, { lent: true });
  const lines = readLineBlocks(blocks, {
    start: from.offset,
    end,
    maximumBytes: maximumRecordBytes,
    quoted: format === 'csv',
    // A stretch of something larger begins with a record, and not with a byte-order mark.
    isStart: base === 0,
    blankIsEmpty: header !== undefined && isBlankNoRecord(header),
  });
  for (;;) {
    const next = await lines.next();
    if (next.done === true) return from.number + next.value;
    const found = next.value;
    yield [
      isLongLine(found)
        ? unreadable(found, base, from.number)
        : recordOfLines(found, header, { base, number: from.number }),
    ];
  }
}

function unreadable(line: LongLine, base: number, firstNumber: number): SourceRecord {
  const { offset, linesBefore, sizeBytes } = line;
  const number = firstNumber + linesBefore;
  return {
    number,
    offset: base + offset,
    sizeBytes,
    next: offset + sizeBytes,
    nextNumber: number + 1,
    count: 1,
    content: tooLarge(sizeBytes),
  };
}
