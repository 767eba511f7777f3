import type { FileMetaData } from 'hyparquet';
import type { TableFiles, TableRow } from '../../batch/ports.ts';
import { mergeTables } from './merge.ts';
import { openParquet, type ParquetFile, readMetadata } from './parquet-file.ts';

/** Reads and writes Parquet with hyparquet, which is loaded by the first call. */
export function createTableFiles(): TableFiles {
  return {
    async open(name, sizeBytes, read) {
      const parquet = openParquet({ name, sizeBytes, read });
      const metadata = await readMetadata(parquet);
      return {
        rows: Number(metadata.num_rows),
        rowGroups: metadata.row_groups.map(({ num_rows }) => Number(num_rows)),
        readRows: (start, end) => parquet.guard(() => readRows(parquet, metadata, start, end)),
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

async function readRows(
  { file }: ParquetFile,
  metadata: FileMetaData,
  rowStart: number,
  rowEnd: number,
): Promise<readonly TableRow[]> {
  const { parquetRead, parquetReadObjects, parquetSchema } = await import('hyparquet');
  const { compressors } = await import('hyparquet-compressors');
  const options = { file, metadata, compressors, rowStart, rowEnd };
  const names = parquetSchema(metadata).children.map(({ element }) => element.name);
  // hyparquet assigns values to plain objects, in which a column of this name would be the prototype, or nothing.
  if (!names.includes('__proto__')) return parquetReadObjects(options);
  const { promise, resolve, reject } = Promise.withResolvers<readonly (readonly unknown[])[]>();
  parquetRead({ ...options, rowFormat: 'array', onComplete: resolve }).catch(reject);
  return (await promise).map((values) =>
    Object.fromEntries(names.map((name, index) => [name, values[index]])),
  );
}
