import type { AsyncBuffer, FileMetaData } from 'hyparquet';
import type { TablePart } from '../../batch/ports.ts';
import { ServingError } from '../../errors.ts';

/** A stored file as hyparquet reads it. */
export interface ParquetFile {
  readonly file: AsyncBuffer;
  /** @throws ServingError INVALID_REQUEST for what hyparquet cannot read, and what the store throws as it is */
  guard<T>(work: () => Promise<T>): Promise<T>;
}

export function openParquet({ name, sizeBytes, read }: TablePart): ParquetFile {
  let failure: unknown;
  const slice = async (start: number, end = sizeBytes): Promise<ArrayBuffer> => {
    try {
      return toArrayBuffer(await read(start, Math.min(end, sizeBytes)));
    } catch (thrown) {
      failure = thrown;
      throw thrown;
    }
  };
  return {
    file: { byteLength: sizeBytes, slice },
    guard: async (work) => {
      try {
        return await work();
      } catch (cause) {
        // A failure of the store is no failure of the file.
        if (cause === failure) throw cause;
        throw new ServingError(
          'INVALID_REQUEST',
          `${name}: expected Parquet, got what hyparquet cannot read`,
          { cause },
        );
      }
    },
  };
}

/** The footer of a file, of which no more is read than that. */
export async function readMetadata({ file, guard }: ParquetFile): Promise<FileMetaData> {
  const { parquetMetadataAsync } = await import('hyparquet');
  return guard(() => parquetMetadataAsync(file));
}

function toArrayBuffer(bytes: Uint8Array): ArrayBuffer {
  const copy = new ArrayBuffer(bytes.byteLength);
  new Uint8Array(copy).set(bytes);
  return copy;
}
