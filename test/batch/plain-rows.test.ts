import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NumberScanner } from '../../src/batch/engine/number-scanner.ts';
import { decodeLines, decodeRows } from '../../src/batch/engine/row-tensors.ts';
import { writeRows } from '../../src/batch/engine/row-writer.ts';
import { expandRows, recordOfLines } from '../../src/batch/source-record.ts';
import { readBlocks } from '../../src/batch/sources/blocks.ts';
import { isLongLine, type LineBlock } from '../../src/batch/sources/line-block.ts';
import { readLineBlocks } from '../../src/batch/sources/lines.ts';
import { rowTexts } from '../../src/protocol/formats/rows.ts';
import type { Datatype, TensorMetadata } from '../../src/protocol/tensor.ts';
import { MemoryObjectStore } from '../support/memory-object-store.ts';

const numberText = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc.float({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc.integer().map(String),
  fc
    .tuple(fc.integer(), fc.integer({ min: 0, max: 20 }))
    .map(([value, digits]) => value.toFixed(digits)),
  fc
    .tuple(fc.double({ min: -1e30, max: 1e30 }), fc.integer({ min: 0, max: 25 }))
    .map(([value, digits]) => value.toExponential(digits)),
  fc.stringMatching(/^-?(0|[1-9]\d{0,24})(\.\d{1,25})?([eE][+-]?\d{1,3})?$/),
);

/** Halfway between two FP32, and just beside. */
const tieText = fc
  .tuple(
    fc.float({ noNaN: true, min: Math.fround(1e-30), max: Math.fround(1e30) }),
    fc.constantFrom('', '0000001', '1'),
  )
  .map(([value, tail]) => {
    const next = new Float32Array([value]);
    const bits = new Uint32Array(next.buffer);
    bits[0] = (bits[0] ?? 0) + 1;
    const middle = (value + (next[0] ?? value)) / 2;
    return middle.toString().includes('e')
      ? middle.toString()
      : `${middle}${middle % 1 === 0 ? '.' : ''}0${tail}`;
  });

async function blockOf(lines: readonly string[]): Promise<LineBlock> {
  const store = new MemoryObjectStore();
  await store.put('lines', lines.map((line) => `${line}\n`).join(''));
  const object = await store.head('lines');
  if (object === undefined) throw new Error('expected the lines that were written');
  const blocks = readBlocks(store, object, 0, object.sizeBytes);
  const range = { start: 0, end: object.sizeBytes, maximumBytes: 1_000_000 };
  const found = await readLineBlocks(blocks, range).next();
  if (found.done === true || isLongLine(found.value)) throw new Error('expected a block');
  return found.value;
}

describe('a number read from bytes', () => {
  it('is what JavaScript makes of its text, and as FP32 what it rounds that to', () => {
    const scanner = new NumberScanner();
    fc.assert(
      fc.property(fc.oneof(numberText, tieText), (text) => {
        const bytes = Buffer.from(`[${text},`);
        expect(scanner.scan(bytes, 1, false)).toBe(Number(text));
        expect(scanner.end).toBe(text.length + 1);
        expect(Math.fround(scanner.scan(bytes, 1, true))).toBe(Math.fround(Number(text)));
      }),
      { seed: 11, numRuns: 5_000 },
    );
  });

  it.each([
    ['0.', 984, '1e1500'],
    ['1', 1010, 'e-1500'],
    ['0.', 1020, '1e1021'],
    ['', 0, '1e99999999999999999999'],
  ])(
    'is what JavaScript makes of it though its exponent is out of all measure: %s 0 x %i %s',
    (before, zeros, behind) => {
      const text = `${before}${'0'.repeat(zeros)}${behind}`;
      for (const single of [false, true]) {
        expect(new NumberScanner().scan(Buffer.from(text), 0, single)).toBe(Number(text));
      }
    },
  );

  it.each(['', '-', '01', '-01', '.5', '1.', '+1', '1e', '1e+', 'NaN', 'x', '"1"'])(
    'is none where %j stands: JSON has no such number',
    (text) => {
      const scanner = new NumberScanner();
      const value = scanner.scan(Buffer.from(`${text},`), 0, false);
      expect(Number.isNaN(value)).toBe(true);
    },
  );
});

describe('lines of numbers that come together', () => {
  const datatype = fc.constantFrom<Datatype>('FP32', 'FP64', 'INT32', 'INT64', 'UINT8');
  const cell = fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 0, max: 255 }).map(String) },
    { weight: 3, arbitrary: numberText },
    {
      weight: 1,
      arbitrary: fc.constantFrom('', ' 7 ', '1.0', '1e2', '"3"', 'x', 'nan', '-0', '١'),
    },
  );
  const table = fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 5 });

  async function agree(
    lines: readonly string[],
    header: string | undefined,
    inputs: readonly TensorMetadata[],
  ) {
    const block = await blockOf(lines);
    const plain = decodeLines(block, header, inputs);
    if (plain === undefined) return false;
    const record = recordOfLines(block, header, { base: 0, number: 0 });
    expect(plain).toEqual(await decodeRows(expandRows(record), inputs, () => false));
    return true;
  }

  it('are the tensors that the readers of everything make of them, or left to those', async () => {
    let plain = 0;
    await fc.assert(
      fc.asyncProperty(
        table,
        datatype,
        datatype,
        fc.constantFrom(2, -1),
        async (rows, first, second, width) => {
          const one = [{ name: 'x', datatype: first, shape: [-1, width] }];
          const two = [
            { name: 'b', datatype: second, shape: [-1] },
            { name: 'a', datatype: first, shape: [-1, 1] },
          ];
          const csv = rows.map((row) => row.join(','));
          const json = rows.map(([left, right]) => `[${left}, ${right}]`);
          for (const [lines, header, inputs] of [
            [csv, 'a,b', one],
            [csv, 'a, b', two],
            [json, undefined, one],
          ] as const) {
            if (lines.some((line) => line.trim() === '')) continue;
            if (await agree(lines, header, inputs)) plain += 1;
          }
        },
      ),
      { seed: 12, numRuns: 600 },
    );
    expect(plain).toBeGreaterThan(300);
  });
});

describe('rows written as bytes', () => {
  it('are the texts of the protocol', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.float({ noNaN: true, noDefaultInfinity: true }), fc.integer()), {
          minLength: 1,
          maxLength: 6,
        }),
        fc.boolean(),
        (rows, isVector) => {
          const count = rows.length;
          const shape = isVector ? [count, 1] : [count];
          const outputs = [
            {
              name: 'p"',
              datatype: 'FP32' as const,
              shape,
              data: Float32Array.from(rows, ([value]) => value),
            },
            {
              name: 'n',
              datatype: 'INT64' as const,
              shape,
              data: BigInt64Array.from(rows, ([, value]) => BigInt(value)),
            },
          ];
          const layout = {
            before: '{',
            outputs: [
              { before: '"p\\"":', open: '[', close: ']' },
              { before: ',"n":', open: '[', close: ']' },
            ],
            after: '}',
          };
          const written = Buffer.from(writeRows(outputs, count, layout) ?? []).toString();
          expect(written).toBe(
            rowTexts(outputs)
              .map((text) => `${text}\n`)
              .join(''),
          );
        },
      ),
      { seed: 13, numRuns: 500 },
    );
  });
});
