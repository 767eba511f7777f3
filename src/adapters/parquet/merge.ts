import type { ColumnChunk, RowGroup } from 'hyparquet';
import { inOrder } from '../../batch/in-order.ts';
import type { TablePart, TablePiece } from '../../batch/ports.ts';
import { ServingError } from '../../errors.ts';
import { MergedFooter, magic } from './merged-footer.ts';
import { openParquet, readMetadata } from './parquet-file.ts';

/*
 * A Parquet file is four letters, row groups, and a footer that tells where each of their columns is
 * (https://parquet.apache.org/docs/file-format/). The row groups of many files behind each other, with a footer that
 * tells their new places, are one file. What of a file lies behind its row groups (indexes of pages, Bloom filters)
 * is optional and stays behind.
 */

/** Footers that are read at a time. */
const parallelFooters = 8;

/**
 * The pieces of one file with all rows. Of the parts no more than their footers is read, and no more is kept than
 * the merged footer takes.
 *
 * @throws ServingError INVALID_REQUEST for a part that is no Parquet, INTERNAL when two parts have not the same columns
 */
export async function* mergeTables<Part extends TablePart>(
  parts: Iterable<Part> | AsyncIterable<Part>,
): AsyncGenerator<TablePiece<Part>> {
  const footer = await MergedFooter.create();
  let offset = magic.byteLength;
  yield magic;
  const opened = inOrder(parts, parallelFooters, async (part) => ({
    part,
    metadata: await readMetadata(openParquet(part)),
  }));
  for await (const { part, metadata } of opened) {
    footer.begin(part.name, metadata);
    const { start, end } = rangeOf(metadata.row_groups);
    for (const group of metadata.row_groups) footer.add(moved(group, BigInt(offset - start)));
    if (end > start) yield { part, start, end };
    offset += end - start;
  }
  yield footer.encode();
}

/** Where the pages of row groups are. */
function rangeOf(groups: readonly RowGroup[]): { readonly start: number; readonly end: number } {
  let start = Number.POSITIVE_INFINITY;
  let end = 0;
  for (const { columns } of groups) {
    for (const { meta_data: column } of columns) {
      if (column === undefined) throw new ServingError('INTERNAL', 'a column is told of elsewhere');
      const first = Number(column.dictionary_page_offset ?? column.data_page_offset);
      start = Math.min(start, first);
      end = Math.max(end, first + Number(column.total_compressed_size));
    }
  }
  return end === 0 ? { start: 0, end } : { start, end };
}

function moved(group: RowGroup, by: bigint): RowGroup {
  const place = group.file_offset === undefined ? {} : { file_offset: group.file_offset + by };
  return { ...group, ...place, columns: group.columns.map((column) => movedColumn(column, by)) };
}

/** Without the places of what stays behind. */
function movedColumn({ file_offset, meta_data }: ColumnChunk, by: bigint): ColumnChunk {
  const column = { file_offset: file_offset + by };
  if (meta_data === undefined) return column;
  const { bloom_filter_offset, bloom_filter_length, dictionary_page_offset, ...kept } = meta_data;
  const dictionary =
    dictionary_page_offset === undefined
      ? {}
      : { dictionary_page_offset: dictionary_page_offset + by };
  const data_page_offset = kept.data_page_offset + by;
  return { ...column, meta_data: { ...kept, ...dictionary, data_page_offset } };
}
