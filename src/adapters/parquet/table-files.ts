import type { TableFiles } from '../../batch/ports.ts';
import { mergeTables } from './merge.ts';
import { openParquet, readMetadata } from './parquet-file.ts';

/** Reads and writes Parquet with hyparquet, which is loaded by the first call. */
export function createTableFiles(): TableFiles {
  return {
    async open(name, sizeBytes, read) {
      const { parquetReadObjects } = await import('hyparquet');
      const { compressors } = await import('hyparquet-compressors');
      const parquet = openParquet({ name, sizeBytes, read });
      const { file, guard } = parquet;
      const metadata = await readMetadata(parquet);
      return {
        rows: Number(metadata.num_rows),
        rowGroups: metadata.row_groups.map(({ num_rows }) => Number(num_rows)),
        readRows: (rowStart, rowEnd) =>
          guard(() => parquetReadObjects({ file, metadata, compressors, rowStart, rowEnd })),
      };
    },
    async write(columns) {
      const { parquetWriteBuffer } = await import('hyparquet-writer');
      const columnData = columns.map(({ name, type, values }) => ({
        name,
        data: [...values],
        type,
        nullable: true,
      }));
      return new Uint8Array(parquetWriteBuffer({ columnData }));
    },
    merge: mergeTables,
  };
}
