import type { TableFile, TableFiles } from '../../batch/ports.ts';
import { ServingError } from '../../errors.ts';

/** Reads and writes Parquet with hyparquet, which is loaded by the first call. */
export function createTableFiles(): TableFiles {
  return {
    async open(name, sizeBytes, read) {
      const { parquetMetadataAsync, parquetReadObjects } = await import('hyparquet');
      const { compressors } = await import('hyparquet-compressors');
      let failure: unknown;
      const file = {
        byteLength: sizeBytes,
        slice: async (start: number, end = sizeBytes): Promise<ArrayBuffer> => {
          try {
            return toArrayBuffer(await read(start, Math.min(end, sizeBytes)));
          } catch (thrown) {
            failure = thrown;
            throw thrown;
          }
        },
      };
      /** A failure of the store is no failure of the file. */
      const guard = async <T>(work: () => Promise<T>): Promise<T> => {
        try {
          return await work();
        } catch (cause) {
          if (cause === failure) throw cause;
          throw new ServingError(
            'INVALID_REQUEST',
            `${name}: expected Parquet, got what hyparquet cannot read`,
            { cause },
          );
        }
      };
      const metadata = await guard(() => parquetMetadataAsync(file));
      const table: TableFile = {
        rows: Number(metadata.num_rows),
        rowGroups: metadata.row_groups.map(({ num_rows }) => Number(num_rows)),
        readRows: (rowStart, rowEnd) =>
          guard(() => parquetReadObjects({ file, metadata, compressors, rowStart, rowEnd })),
      };
      return table;
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
  };
}

function toArrayBuffer(bytes: Uint8Array): ArrayBuffer {
  const copy = new ArrayBuffer(bytes.byteLength);
  new Uint8Array(copy).set(bytes);
  return copy;
}
