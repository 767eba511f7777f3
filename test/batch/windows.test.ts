import { describe, expect, it } from 'vitest';
import { createTableFiles } from '../../src/adapters/parquet/table-files.ts';
import { readRecords, startOf } from '../../src/batch/records.ts';
import type { ShardSource } from '../../src/batch/shard.ts';
import { expandRows, type SourceRecord } from '../../src/batch/source-record.ts';
import { readWindows } from '../../src/batch/windows.ts';
import { formatNpy } from '../../src/protocol/formats/npy.ts';
import { distinctBytes } from '../support/distinct-bytes.ts';
import { MemoryObjectStore } from '../support/memory-object-store.ts';

/** A store that remembers which memory its reads were put into. */
class ObservedStore extends MemoryObjectStore {
  readonly memory = new Set<ArrayBuffer>();
  reads = 0;

  override async read(...range: Parameters<MemoryObjectStore['read']>) {
    const bytes = await super.read(...range);
    this.reads += 1;
    this.memory.add(bytes.buffer);
    return bytes;
  }
}

async function storeInput(body: Uint8Array | string) {
  const store = new ObservedStore();
  await store.put('input', body);
  const object = await store.head('input');
  if (object === undefined) throw new Error('expected the object that was written');
  return { store, object };
}

/** What each record holds while its window is worked on, which is all the time that it is there. */
async function readAll(
  store: ObservedStore,
  source: ShardSource,
  rowsPerRun: number,
  textOf: (record: SourceRecord) => string,
): Promise<string[]> {
  const stores = { input: store, results: store, tables: createTableFiles() };
  const windows = readWindows(readRecords(stores, source, startOf(source), undefined), {
    rowsPerRun,
    full: { records: 1_000, enoughBytes: 1024 * 1024 },
    firstRecord: 0,
    limit: () => Number.POSITIVE_INFINITY,
  });
  const texts: string[] = [];
  for await (const window of windows) texts.push(...window.flatMap(expandRows).map(textOf));
  return texts;
}

const mebibyte = 1024 * 1024;

describe('windows over many reads', () => {
  it('hold each line whole and once, though reads share three blocks of memory', async () => {
    // Lines of all lengths, so that windows and lines lie across the ends of reads.
    const bytes = distinctBytes(30 * mebibyte).toString('base64');
    const lines: string[] = [];
    for (let place = 0; place < bytes.length; place += 1_000 + (place % 90_001)) {
      lines.push(bytes.slice(place, place + 1_000 + (place % 90_001)));
    }
    const text = `${lines.join('\n')}\n`;
    const { store, object } = await storeInput(text);
    const source = { kind: 'lines', format: 'text', object, start: 0, end: text.length } as const;
    const read = await readAll(store, source, 3, ({ content }) =>
      content.kind === 'line' ? Buffer.from(content.bytes).toString() : content.kind,
    );
    expect(read.length).toBe(lines.length);
    expect(read.every((line, index) => line === lines[index])).toBe(true);
    expect(store.reads).toBeGreaterThan(9);
    expect(store.memory.size).toBeLessThanOrEqual(3);
  });

  // Rows of many windows a read, and rows that take more than a read each.
  it.each([
    { rows: 401, width: 100_003 },
    { rows: 3, width: 9 * mebibyte + 5 },
  ])(
    'hold each of $rows rows of $width bytes of an array whole and once, likewise',
    async ({ rows, width }) => {
      const data = new Uint8Array(distinctBytes(rows * width));
      const { store, object } = await storeInput(
        formatNpy({ datatype: 'UINT8', shape: [rows, width], data }),
      );
      const source = { kind: 'rows', format: 'npy', object, firstRow: 0, rows } as const;
      const read = await readAll(store, source, 4, ({ content }) =>
        content.kind === 'array' && content.tensor.data instanceof Uint8Array
          ? Buffer.from(content.tensor.data).toString('latin1')
          : content.kind,
      );
      const expected = Array.from({ length: rows }, (_, row) =>
        Buffer.from(data.subarray(row * width, (row + 1) * width)).toString('latin1'),
      );
      expect(read.length).toBe(rows);
      expect(read.every((row, index) => row === expected[index])).toBe(true);
      expect(store.reads).toBeGreaterThanOrEqual(4);
      expect(store.memory.size).toBeLessThanOrEqual(4);
    },
  );
});
