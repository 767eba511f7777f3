import type { FileMetaData } from 'hyparquet';
import * as v from 'valibot';
import type { TableFiles, TableRow } from '../../batch/ports.ts';
import { ServingError } from '../../errors.ts';
import { quote } from '../../protocol/fields.ts';
import { mergeTables } from './merge.ts';
import { openParquet, type ParquetFile, readMetadata } from './parquet-file.ts';

/** Reads and writes Parquet with hyparquet, which is loaded by the first call. */
export function createTableFiles(): TableFiles {
  return {
    async open(name, sizeBytes, read) {
      const parquet = openParquet({ name, sizeBytes, read });
      const metadata = await readMetadata(parquet);
      const names = await columnNames(name, metadata);
      return {
        rows: Number(metadata.num_rows),
        features: featuresOf(names, metadata),
        rowGroups: metadata.row_groups.map(({ num_rows }) => Number(num_rows)),
        readRows: (start, end) =>
          parquet.guard(() => readRows(parquet, metadata, names, start, end)),
      };
    },
    async write(columns) {
      const { parquetWriteBuffer, schemaFromColumnData } = await import('hyparquet-writer');
      const typed = columns.map(({ name, type, values }) => ({
        name,
        data: [...values],
        type: type === 'UINT64' ? ('INT64' as const) : type,
        nullable: true,
      }));
      // The writer has no unsigned type of its own, but the format has. The root stands before the columns.
      const schema = schemaFromColumnData({ columnData: typed }).map((element, index) =>
        columns[index - 1]?.type === 'UINT64'
          ? { ...element, converted_type: 'UINT_64' as const }
          : element,
      );
      const columnData = typed.map(({ name, data }) => ({ name, data }));
      return new Uint8Array(parquetWriteBuffer({ columnData, schema }));
    },
    merge: mergeTables,
  };
}

/** @throws ServingError INVALID_REQUEST when two have one name */
async function columnNames(file: string, metadata: FileMetaData): Promise<readonly string[]> {
  const { parquetSchema } = await import('hyparquet');
  const names = parquetSchema(metadata).children.map(({ element }) => element.name);
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice === undefined) return names;
  throw new ServingError(
    'INVALID_REQUEST',
    `${file}: expected columns of different names, got two that are called ${quote(twice)}`,
  );
}

const pandasSchema = v.object({ index_columns: v.array(v.unknown()) });

/** pandas puts the index of a frame beside its columns, and says in the file which they are. */
function featuresOf(
  names: readonly string[],
  { key_value_metadata: entries = [] }: FileMetaData,
): readonly string[] {
  const text = entries.find(({ key }) => key === 'pandas')?.value;
  const index = text === undefined ? undefined : readPandas(text);
  return index === undefined ? names : names.filter((name) => !index.includes(name));
}

/** Names of columns, or what describes an index that is no column; undefined for text that is not of pandas. */
function readPandas(text: string): readonly unknown[] | undefined {
  try {
    return v.parse(pandasSchema, JSON.parse(text)).index_columns;
  } catch {
    return undefined;
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Bytes that are no text stay what they are, so that they are refused and not replaced. */
function stringFromBytes(bytes: Uint8Array | undefined): string | Uint8Array | undefined {
  if (bytes === undefined) return undefined;
  try {
    return utf8.decode(bytes);
  } catch {
    return bytes;
  }
}

async function readRows(
  { file }: ParquetFile,
  metadata: FileMetaData,
  names: readonly string[],
  rowStart: number,
  rowEnd: number,
): Promise<readonly TableRow[]> {
  const { parquetRead, parquetReadObjects } = await import('hyparquet');
  const { compressors } = await import('hyparquet-compressors');
  const options = { file, metadata, compressors, rowStart, rowEnd, parsers: { stringFromBytes } };
  // hyparquet makes objects in two thirds of the time, but plain ones, in which a column of this name would be the prototype,
  // or nothing.
  if (!names.includes('__proto__')) return parquetReadObjects(options);
  const rows: TableRow[] = [];
  const onComplete = (arrays: readonly (readonly unknown[])[]) => {
    for (const values of arrays) {
      rows.push(Object.fromEntries(names.map((name, index) => [name, values[index]])));
    }
  };
  await parquetRead({ ...options, rowFormat: 'array', onComplete });
  return rows;
}
