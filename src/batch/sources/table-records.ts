import type { TableFiles } from '../ports.ts';
import type { RowSource } from '../shard.ts';
import type { InputReads, Position, RecordReader } from '../source-record.ts';

/** Rows that are decoded at a time. */
const rowsAtATime = 8_192;

/** Rows of a Parquet file. */
export async function* readTableRecords(
  store: InputReads,
  tables: TableFiles,
  source: RowSource,
  from: Position,
): RecordReader {
  const { object, firstRow, rows } = source;
  const end = firstRow + rows;
  const table = await tables.open(object.key, object.sizeBytes, (start, stop) =>
    store.read(object, start, stop),
  );
  for (let row = from.offset; row < end; row += rowsAtATime) {
    const records = await table.readRows(row, Math.min(row + rowsAtATime, end));
    yield records.map((values, index) => ({
      number: row + index,
      offset: undefined,
      sizeBytes: Math.ceil(object.sizeBytes / Math.max(1, table.rows)),
      next: row + index + 1,
      nextNumber: row + index + 1,
      count: 1,
      content: { kind: 'row', row: values, features: table.features },
    }));
  }
  return end;
}
