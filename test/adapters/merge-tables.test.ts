import { createHash } from 'node:crypto';
import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { describe, expect, it } from 'vitest';
import { createTableFiles } from '../../src/adapters/parquet/table-files.ts';
import type { TablePart } from '../../src/batch/ports.ts';
import { SeededRandom } from '../support/random.ts';

const tables = createTableFiles();

type Part = TablePart & { readonly bytes: Uint8Array };

function partOf(bytes: Uint8Array): Part {
  const read = async (start: number, end: number) => bytes.slice(start, end);
  return { name: 'a part', sizeBytes: bytes.byteLength, bytes, read };
}

async function merge(files: readonly Uint8Array[]): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of tables.merge(files.map(partOf))) {
    pieces.push(
      piece instanceof Uint8Array ? piece : piece.part.bytes.slice(piece.start, piece.end),
    );
  }
  return Buffer.concat(pieces);
}

function bufferOf(bytes: Uint8Array): ArrayBuffer {
  const buffer = new ArrayBuffer(bytes.byteLength);
  new Uint8Array(buffer).set(bytes);
  return buffer;
}

const rowsOf = (bytes: Uint8Array) => parquetReadObjects({ file: bufferOf(bytes) });

/** A part with every type of column, with nulls, values that need escaping, and words that repeat. */
function randomPart(random: SeededRandom, rows: number): Promise<Uint8Array> {
  const column = (value: () => unknown) =>
    Array.from({ length: rows }, () => (random.chance(0.1) ? null : value()));
  return tables.write([
    { name: 'bool', type: 'BOOLEAN', values: column(() => random.chance(0.5)) },
    { name: 'int', type: 'INT32', values: column(() => random.integer(-1e6, 1e6)) },
    { name: 'long', type: 'INT64', values: column(() => BigInt(random.integer(-1e9, 1e9)) ** 2n) },
    {
      name: 'y[0]',
      type: 'FLOAT',
      values: column(() => Math.fround(random.pick([0.1, Number.NaN, -0]))),
    },
    { name: 'double', type: 'DOUBLE', values: column(() => random.integer(1, 9) / 7) },
    {
      name: 'word',
      type: 'STRING',
      values: column(() => random.pick(['é', '', 'x'.repeat(300), '\u{1F600}'.repeat(40)])),
    },
    { name: 'none', type: 'STRING', values: column(() => null) },
  ]);
}

describe('merging tables', () => {
  it('gives the rows of all parts, whatever their number and sizes', async () => {
    const random = new SeededRandom(7);
    for (const sizes of [
      [5],
      [0, 3, 0],
      [1, 2500, 1, 0, 999],
      Array.from({ length: 40 }, () => 3),
    ]) {
      const parts: Uint8Array[] = [];
      for (const rows of sizes) parts.push(await randomPart(random, rows));
      const merged = await merge(parts);
      const separate = (await Promise.all(parts.map(rowsOf))).flat();
      expect(await rowsOf(merged)).toEqual(separate);
      expect(Number(parquetMetadata(bufferOf(merged)).num_rows)).toBe(separate.length);
    }
  });

  it('keeps what the footers say of row groups, but for their places', async () => {
    const random = new SeededRandom(8);
    const parts = [await randomPart(random, 1500), await randomPart(random, 20)];
    const merged = parquetMetadata(bufferOf(await merge(parts)));
    const groups = parts.flatMap((part) => parquetMetadata(bufferOf(part)).row_groups);
    const without = (group: (typeof groups)[number]) => ({
      ...group,
      columns: group.columns.map(({ meta_data }) => ({
        ...meta_data,
        data_page_offset: 0,
        dictionary_page_offset: 0,
      })),
    });
    expect(merged.row_groups).toHaveLength(3);
    expect(merged.row_groups.map(without)).toEqual(groups.map(without));
  });

  it('gives the same bytes for the same parts', async () => {
    const digest = async () => {
      const random = new SeededRandom(9);
      const parts = [await randomPart(random, 10), await randomPart(random, 2000)];
      return createHash('sha256')
        .update(await merge(parts))
        .digest('hex');
    };
    expect(await digest()).toBe(await digest());
  });

  it('gives one file the rows it had, and its key-value metadata', async () => {
    const kvMetadata = [{ key: 'model', value: 'adder' }];
    const columnData = [{ name: 'x', data: [1, 2, 3], type: 'INT32' as const, columnIndex: true }];
    const file = new Uint8Array(parquetWriteBuffer({ columnData, kvMetadata }));
    const merged = await merge([file, file]);
    const metadata = parquetMetadata(bufferOf(merged));
    expect(metadata.key_value_metadata).toEqual(kvMetadata);
    const chunks = metadata.row_groups.flatMap(({ columns }) => columns);
    expect(chunks.map(({ offset_index_offset }) => offset_index_offset)).toEqual([
      undefined,
      undefined,
    ]);
    expect(await rowsOf(merged)).toEqual([1, 2, 3, 1, 2, 3].map((x) => ({ x })));
  });

  it('makes a file of nothing that can be read', async () => {
    expect(await rowsOf(await merge([]))).toEqual([]);
    const empty = await randomPart(new SeededRandom(1), 0);
    const merged = await merge([empty, empty]);
    expect(await rowsOf(merged)).toEqual([]);
    expect(parquetMetadata(bufferOf(merged)).schema).toEqual(
      parquetMetadata(bufferOf(empty)).schema,
    );
  });

  it('refuses parts with other columns, and what is no table', async () => {
    const one = await tables.write([{ name: 'x', type: 'INT32', values: [1] }]);
    const other = await tables.write([{ name: 'x', type: 'DOUBLE', values: [1] }]);
    await expect(merge([one, other])).rejects.toThrow('expected the columns of the first part');
    await expect(merge([Buffer.from('nothing of the kind')])).rejects.toThrow('expected Parquet');
  });
});
