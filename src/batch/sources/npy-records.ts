import { elementBytes, type FixedDatatype, viewOf } from '../../protocol/datatype.ts';
import type { RowSource } from '../shard.ts';
import type { InputReads, Position, RecordReader, SourceRecord } from '../source-record.ts';
import { readBlocks } from './blocks.ts';
import { type NpyLayout, readNpyLayout } from './npy-layout.ts';

const blockBytes = 8 * 1024 * 1024;

/**
 * Rows of an array: everything along its first dimension.
 *
 * @param windowOf how many rows of so many bytes are worked on at once: reads that end with them spare putting the
 *   halves of a window together
 */
export async function* readNpyRecords(
  store: InputReads,
  source: RowSource,
  from: Position,
  windowOf: (rowBytes: number) => number = () => 1,
): RecordReader {
  const { object, firstRow, rows } = source;
  const layout = await readNpyLayout(store, object);
  const { dataOffset, rowBytes } = layout;
  const end = dataOffset + (firstRow + rows) * rowBytes;
  const start = dataOffset + from.offset * rowBytes;
  let row = from.offset;
  let rest: Uint8Array = new Uint8Array(0);
  const wholeRows = Math.floor(blockBytes / rowBytes);
  const window = windowOf(rowBytes);
  const rowsPerBlock = wholeRows < window ? wholeRows : wholeRows - (wholeRows % window);
  const options = {
    blockBytes: rowsPerBlock === 0 ? blockBytes : rowsPerBlock * rowBytes,
    lent: true,
  };
  for await (const block of readBlocks(store, object, start, end, options)) {
    const bytes = rest.byteLength === 0 ? block.bytes : Buffer.concat([rest, block.bytes]);
    const count = Math.min(Math.floor(bytes.byteLength / rowBytes), firstRow + rows - row);
    if (count > 0) yield [blockOf(layout, bytes, row, count)];
    row += count;
    rest = new Uint8Array(bytes.subarray(count * rowBytes));
    if (row === firstRow + rows) break;
  }
  return firstRow + rows;
}

function blockOf(
  { datatype, rowShape, rowBytes, dataOffset }: NpyLayout,
  bytes: Uint8Array,
  row: number,
  count: number,
): SourceRecord {
  const data = elementsOf(datatype, bytes.subarray(0, count * rowBytes));
  return {
    number: row,
    offset: dataOffset + row * rowBytes,
    sizeBytes: count * rowBytes,
    next: row + count,
    nextNumber: row + count,
    count,
    content: { kind: 'array', tensor: { datatype, shape: [count, ...rowShape], data } },
  };
}

function elementsOf(datatype: FixedDatatype, bytes: Uint8Array) {
  const size = elementBytes[datatype];
  const aligned = bytes.byteOffset % size === 0 ? bytes : Uint8Array.from(bytes);
  return viewOf(datatype, aligned.buffer, aligned.byteOffset, aligned.byteLength / size);
}
