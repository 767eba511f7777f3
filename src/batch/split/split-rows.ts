import type { InputObject } from '../job.ts';
import { readNpyLayout } from '../sources/npy-layout.ts';
import type { Split, SplitContext } from './split.ts';

/** Rows by number. A Parquet file is cut at its row groups where they are no larger than a shard. */
export async function* splitRows(
  context: SplitContext,
  object: InputObject,
  format: 'npy' | 'parquet',
  offset: number,
): AsyncGenerator<Split> {
  const { job } = context;
  const groups =
    format === 'npy' ? [await npyRows(context, object)] : await rowGroups(context, object);
  const rows = groups.reduce((sum, group) => sum + group, 0);
  let first = offset;
  do {
    const count = nextCount(groups, first, rows, job.shardRecords);
    const next = first + count;
    yield {
      source: { kind: 'rows', format, object, firstRow: first, rows: count },
      next: next < rows ? next : undefined,
    };
    first = next;
  } while (first < rows);
}

async function npyRows({ input }: SplitContext, object: InputObject): Promise<number> {
  return (await readNpyLayout(input, object)).rows;
}

async function rowGroups({ input, tables }: SplitContext, object: InputObject) {
  const table = await tables.open(object.key, object.sizeBytes, (start, end) =>
    input.read(object, start, end),
  );
  return table.rowGroups;
}

/** Up to the last end of a row group within the shard's size, or the size where a row group is larger. */
function nextCount(
  groups: readonly number[],
  first: number,
  rows: number,
  shardRecords: number,
): number {
  const limit = Math.min(first + shardRecords, rows);
  let end = 0;
  let best = first;
  for (const group of groups) {
    end += group;
    if (end > limit) break;
    if (end > first) best = end;
  }
  return (best > first ? best : limit) - first;
}
