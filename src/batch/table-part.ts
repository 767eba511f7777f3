import * as v from 'valibot';
import { parseDocument } from './document.ts';
import type { OutputColumn } from './engine/output-columns.ts';
import type { TableColumn, TableFiles } from './ports.ts';

const lineSchema = v.array(v.union([v.string(), v.number(), v.boolean(), v.null()]));

/**
 * A part as a table: its lines, each a JSON array with a value for each column, turned on their side. The whole part
 * is in memory while it is made, which the size of shards bounds.
 */
export function encodeTablePart(
  tables: TableFiles,
  columns: readonly OutputColumn[],
  lines: Uint8Array,
): Promise<Uint8Array> {
  const values: unknown[][] = columns.map(() => []);
  for (const line of Buffer.from(lines).toString().split('\n')) {
    if (line === '') continue;
    const cells = parseDocument(lineSchema, line, 'a line of the part');
    for (const [index, column] of columns.entries()) {
      values[index]?.push(toValue(cells[index] ?? null, column.type));
    }
  }
  return tables.write(columns.map((column, index) => ({ ...column, values: values[index] ?? [] })));
}

/** What JSON had no form for comes back from its text. */
function toValue(cell: string | number | boolean | null, type: TableColumn['type']): unknown {
  if ((type === 'INT64' || type === 'UINT64') && cell !== null) return BigInt(cell);
  const isNumber = type === 'FLOAT' || type === 'DOUBLE' || type === 'INT32';
  return isNumber && typeof cell === 'string' ? Number(cell) : cell;
}
