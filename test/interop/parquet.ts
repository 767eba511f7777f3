import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createTableFiles } from '../../src/adapters/parquet/table-files.ts';
import { spawned } from './python.ts';

/** Rows of each part: none, a few, more than one row group, and more parts than a short list has. */
const partRows = [0, 3, 2_500, 1, 1_200, ...Array.from({ length: 30 }, () => 5)];

/** Has pyarrow read what is merged of many tables, of an empty one and of none. @returns the exit code */
export async function checkMergedParquet(python: string): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'pilotlight-parquet-'));
  try {
    const parts: Uint8Array[] = [];
    let first = 0;
    for (const rows of partRows) {
      parts.push(await partOf(first, rows));
      first += rows;
    }
    await writeFile(join(folder, 'merged.parquet'), await merge(parts));
    await writeFile(join(folder, 'empty.parquet'), await merge([await partOf(0, 0)]));
    await writeFile(join(folder, 'nothing.parquet'), await merge([]));
    const program = fileURLToPath(new URL('parquet_reader.py', import.meta.url));
    return await spawned(python, [program, folder, String(first)]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Every value follows from its row: parquet_reader.py knows how. */
function partOf(first: number, rows: number): Promise<Uint8Array> {
  const values = (value: (row: number) => unknown) =>
    Array.from({ length: rows }, (_, index) => value(first + index));
  return createTableFiles().write([
    { name: 'id', type: 'STRING', values: values((row) => (row % 7 === 0 ? null : `é${row}`)) },
    { name: 'y[0]', type: 'FLOAT', values: values((row) => Math.fround(row / 7)) },
    { name: 'double', type: 'DOUBLE', values: values((row) => row / 7) },
    { name: 'int', type: 'INT32', values: values((row) => -row) },
    { name: 'long', type: 'INT64', values: values((row) => BigInt(row) ** 3n) },
    { name: 'flag', type: 'BOOLEAN', values: values((row) => row % 3 === 0) },
    { name: 'none', type: 'STRING', values: values(() => null) },
  ]);
}

async function merge(files: readonly Uint8Array[]): Promise<Uint8Array> {
  const parts = files.map((bytes) => ({
    name: 'a part',
    sizeBytes: bytes.byteLength,
    bytes,
    read: async (start: number, end: number) => bytes.subarray(start, end),
  }));
  const pieces: Uint8Array[] = [];
  for await (const piece of createTableFiles().merge(parts)) {
    const stored = !(piece instanceof Uint8Array);
    pieces.push(stored ? piece.part.bytes.subarray(piece.start, piece.end) : piece);
  }
  return Buffer.concat(pieces);
}
