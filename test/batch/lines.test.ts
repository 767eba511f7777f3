import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readBlocks } from '../../src/batch/sources/blocks.ts';
import type { Line } from '../../src/batch/sources/line-block.ts';
import { firstByteToRead, readLines } from '../../src/batch/sources/lines.ts';
import { MemoryObjectStore } from '../support/memory-object-store.ts';

async function storeText(text: string | Uint8Array) {
  const store = new MemoryObjectStore();
  await store.put('input', text);
  const object = await store.head('input');
  if (object === undefined) throw new Error('expected the object that was written');
  return { store, object };
}

interface Cell {
  readonly lines: Line[];
  readonly count: number;
}

async function readCell(
  text: string | Uint8Array,
  start: number,
  end: number,
  blockBytes = 7,
  maximumBytes = 1000,
  blankIsEmpty = false,
): Promise<Cell> {
  const { store, object } = await storeText(text);
  const blocks = readBlocks(store, object, firstByteToRead(start), end, {
    blockBytes,
    overrunBytes: 2,
  });
  const lines: Line[] = [];
  const reader = readLines(blocks, { start, end, maximumBytes, blankIsEmpty });
  for (;;) {
    const next = await reader.next();
    if (next.done === true) return { lines, count: next.value };
    lines.push(...next.value);
  }
}

const textOf = (line: Line) =>
  line.bytes === undefined ? undefined : Buffer.from(line.bytes).toString();

describe('lines of an object', () => {
  it('come whole, without line ends, byte-order mark and empty lines, with offset and number', async () => {
    const text = '\uFEFFone\r\n\r\ntwo\n\n  \nlast';
    const { lines, count } = await readCell(text, 0, 100);
    expect(lines.map((line) => [textOf(line), line.offset, line.linesBefore])).toEqual([
      ['one', 0, 0],
      ['two', 10, 2],
      ['  ', 15, 4],
      ['last', 18, 5],
    ]);
    expect(count).toBe(6);
  });

  it('count as empty when they are blank and the reader says so, in whichever block they end', async () => {
    const text = '\uFEFF \t\r\n \tone\n\t \r\ntwo \n  \n\n   ';
    for (const blockBytes of [1, 2, 3, 5, 7, 100]) {
      const { lines, count } = await readCell(text, 0, 100, blockBytes, 1000, true);
      expect(lines.map((line) => [textOf(line), line.offset, line.linesBefore])).toEqual([
        [' \tone', 7, 1],
        ['two ', 17, 3],
      ]);
      expect(count).toBe(7);
    }
  });

  it('are none in an object that is empty, or holds nothing but line ends', async () => {
    expect(await readCell('', 0, 10)).toEqual({ lines: [], count: 0 });
    expect(await readCell('\n\r\n\n', 0, 10)).toEqual({ lines: [], count: 3 });
  });

  it('appear exactly once in ranges that cover the object, whatever the ranges and the blocks', async () => {
    const line = fc.string({ maxLength: 12 }).map((text) => text.replaceAll(/[\r\n]/g, '_'));
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { maxLength: 30 }),
        fc.constantFrom('\n', '\r\n'),
        fc.boolean(),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 20 }),
        async (texts, lineEnd, finalEnd, rangeBytes, blockBytes) => {
          const text = texts.join(lineEnd) + (finalEnd && texts.length > 0 ? lineEnd : '');
          const size = Buffer.byteLength(text);
          const found: string[] = [];
          let numbers = 0;
          for (let start = 0; start < size; start += rangeBytes) {
            const end = Math.min(start + rangeBytes, size);
            const cell = await readCell(text, start, end, blockBytes);
            for (const line of cell.lines) {
              expect(line.offset).toBeGreaterThanOrEqual(start);
              expect(line.offset).toBeLessThan(end);
              expect(Buffer.from(text).subarray(line.offset).toString()).toContain(textOf(line));
              expect(texts[numbers + line.linesBefore]).toBe(textOf(line));
              found.push(textOf(line) ?? '');
            }
            numbers += cell.count;
          }
          expect(found).toEqual(texts.filter((text) => text !== ''));
        },
      ),
      { seed: 2, numRuns: 300 },
    );
  });

  it('that are too long are named, not kept, and do not swallow their neighbours', async () => {
    const text = `short\n${'x'.repeat(500)}\nafter\n`;
    const { lines } = await readCell(text, 0, text.length, 16, 100);
    expect(lines.map((line) => [textOf(line), line.offset, line.sizeBytes])).toEqual([
      ['short', 0, 5],
      [undefined, 6, 500],
      ['after', 507, 5],
    ]);
  });

  it('of many megabytes cross blocks', async () => {
    const long = 'y'.repeat(3_000_000);
    const { lines } = await readCell(`a\n${long}\nb`, 0, 3_000_004, 100_000, 10_000_000);
    expect(lines.map((line) => line.sizeBytes)).toEqual([1, 3_000_000, 1]);
  });

  it('take memory that was lent before for every read behind the end, a small last block or not', async () => {
    const text = 'x'.repeat(60);
    const { store, object } = await storeText(text);
    let fresh = 0;
    const watched = Object.assign(Object.create(store) as MemoryObjectStore, {
      read: (pin: typeof object, start: number, end: number, memory?: Uint8Array<ArrayBuffer>) => {
        if (memory === undefined) fresh += 1;
        return store.read(pin, start, end, memory);
      },
    });
    const options = { blockBytes: 16, overrunBytes: 2, lent: true };
    const sizes: number[] = [];
    let found = '';
    for await (const { bytes } of readBlocks(watched, object, 0, 33, options)) {
      sizes.push(bytes.byteLength);
      found += Buffer.from(bytes).toString();
    }
    expect(found).toBe(text);
    expect(sizes).toEqual([16, 16, 1, 2, 4, 8, 13]);
    expect(fresh).toBe(3);
  });

  it('cost a range inside a longer line nothing beyond its own bytes', async () => {
    const { store, object } = await storeText(`${'z'.repeat(1000)}\nnext\n`);
    const reads: number[] = [];
    const watched = Object.assign(Object.create(store) as MemoryObjectStore, {
      read: (pin: typeof object, start: number, end: number) => {
        reads.push(end);
        return store.read(pin, start, end);
      },
    });
    const blocks = readBlocks(watched, object, firstByteToRead(100), 200, { blockBytes: 64 });
    const reader = readLines(blocks, { start: 100, end: 200, maximumBytes: 5000 });
    expect(await reader.next()).toEqual({ done: true, value: 0 });
    expect(Math.max(...reads)).toBe(200);
  });
});
