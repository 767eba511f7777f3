import fc from 'fast-check';
import * as v from 'valibot';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RecordOutcome } from '../../src/batch/engine/engine.ts';
import { createOutputEncoder } from '../../src/batch/engine/output-encoder.ts';
import { RequestEngine } from '../../src/batch/engine/requests.ts';
import { jobSchema } from '../../src/batch/job.ts';
import { expandRows, recordOfLines } from '../../src/batch/source-record.ts';
import { readBlocks } from '../../src/batch/sources/blocks.ts';
import { isLongLine } from '../../src/batch/sources/line-block.ts';
import { readLineBlocks } from '../../src/batch/sources/lines.ts';
import { LocalModels } from '../support/local-models.ts';
import { MemoryObjectStore } from '../support/memory-object-store.ts';
import { encodeModel } from '../support/onnx-protobuf.ts';

const models = new LocalModels();

/** `y` is twice `x` (FP32 `[-1, 2]`), and `z` twice `k` (INT64 `[-1]`). */
const doubling = encodeModel({
  inputs: [
    { name: 'x', datatype: 'FP32', shape: [-1, 2] },
    { name: 'k', datatype: 'INT64', shape: [-1] },
  ],
  outputs: [
    { name: 'y', datatype: 'FP32', shape: [-1, 2] },
    { name: 'z', datatype: 'INT64', shape: [-1] },
  ],
  nodes: [
    { operator: 'Add', inputs: ['x', 'x'], outputs: ['y'] },
    { operator: 'Add', inputs: ['k', 'k'], outputs: ['z'] },
  ],
});

beforeAll(() => models.add('doubling', doubling));
afterAll(() => models.close());

const object = { key: 'data/input.jsonl', etag: '"1"', sizeBytes: 10 };
const job = (joinInput: boolean) =>
  v.parse(jobSchema, {
    jobId: 'doubling.input.0123456789abcdef',
    createdAtMs: 0,
    model: { model: 'doubling', version: '1', fingerprint: 'f' },
    source: object.key,
    input: { kind: 'objects', objects: [object] },
    output: { format: 'jsonl', merge: false, joinInput },
    shardBytes: 10,
    shardRecords: 10,
  });

/** What becomes of lines that came together, and of the same lines one by one. */
async function answer(lines: readonly string[], rowsPerRun: number, joinInput = false) {
  const store = new MemoryObjectStore();
  await store.put('lines', lines.map((line) => `${line}\n`).join(''));
  const stored = await store.head('lines');
  if (stored === undefined) throw new Error('expected the lines that were written');
  const range = { start: 0, end: stored.sizeBytes, maximumBytes: 1_000_000 };
  const blocks = readBlocks(store, stored, 0, stored.sizeBytes);
  const found = await readLineBlocks(blocks, range).next();
  if (found.done === true || isLongLine(found.value)) throw new Error('expected a block');
  const block = recordOfLines(found.value, undefined, { base: 0, number: 0 });
  const lease = await models.acquire({ model: 'doubling', version: undefined });
  const source = { kind: 'lines', format: 'jsonl', object, start: 0, end: 10 } as const;
  const asked = job(joinInput);
  const encoder = createOutputEncoder(asked, lease, source, false);
  const engine = new RequestEngine({ job: asked, lease, encoder });
  const together = await engine.transformBlock(block, rowsPerRun);
  const apart = await engine.transform(expandRows(block), rowsPerRun);
  lease.release();
  return { together, apart };
}

function textOf(outcome: RecordOutcome): string {
  if ('line' in outcome) return `${outcome.line}\n`;
  if ('lines' in outcome) return Buffer.concat([...outcome.lines]).toString();
  throw new Error(`expected lines, got ${JSON.stringify(outcome)}`);
}

const float = fc.float({ noNaN: true, noDefaultInfinity: true, max: 2 ** 120, min: -(2 ** 120) });
/** Twice of it is an INT32: what is larger is written one by one. */
const integer = fc.integer({ min: -(2 ** 30), max: 2 ** 30 - 1 });
const id = fc.stringMatching(/^[ !#-[\]-~]{0,12}$/);

interface Values {
  readonly id: string;
  readonly x: readonly [number, number];
  readonly k: number;
}
const values = fc.record({ id, x: fc.tuple(float, float), k: integer });

/** Ways in which one program writes all of its requests. */
const styles: Readonly<Record<string, (values: Values) => string>> = {
  compact: ({ x, k }) =>
    `{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[${x}]},{"name":"k","shape":[1],"datatype":"INT64","data":[${k}]}]}`,
  'with ids and spaces': ({ id, x, k }) =>
    `{"id": "${id}", "inputs": [{"name": "k", "shape": [1], "datatype": "INT64", "data": [${k}]}, {"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [${x[0]}, ${x[1]}]}]}`,
  'nested, with the id behind': ({ id, x, k }) =>
    `{"inputs":[{"data":[[${x}]],"name":"x","shape":[1,2],"datatype":"FP32"},{"name":"k","data":[${k}],"shape":[1],"datatype":"INT64"}],"id":"${id}"}`,
  'several rows, and one output asked for': ({ id, x, k }) =>
    `{"id":"${id}","inputs":[{"name":"x","shape":[2,2],"datatype":"FP32","data":[[${x}],[${x}]]},{"name":"k","shape":[2],"datatype":"INT64","data":[${k},1]}],"outputs":[{"name":"z"}],"parameters":{"data":7}}`,
};

describe('requests that are written alike', () => {
  it.each(Object.entries(styles).slice(0, 3))(
    'are answered as each by itself: %s',
    async (_, style) => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(values, { minLength: 1, maxLength: 9 }),
          fc.integer({ min: 1, max: 5 }),
          async (all, rowsPerRun) => {
            const { together, apart } = await answer(all.map(style), rowsPerRun);
            if (together === undefined) throw new Error('expected them to be read together');
            expect(textOf(together)).toBe(apart.map(textOf).join(''));
          },
        ),
        { seed: 21, numRuns: 60 },
      );
    },
  );

  const one: Values = { id: 'a', x: [1, 2], k: 3 };
  const { compact: style = String, 'with ids and spaces': withIds = String } = styles;
  const line = style(one);

  it.each([
    ['a member that is called like one of a tensor', Object.values(styles)[3]?.(one) ?? ''],
    [
      'a number too large for its datatype',
      line.replace('[1,2]', '[1,2]').replace('[3]', '[1e30]'),
    ],
    ['a fraction for an integer', line.replace('[3]', '[3.5]')],
    ['a number too many', line.replace('"data":[1,2]', '"data":[1,2,3]')],
    ['a number too few', line.replace('"data":[1,2]', '"data":[1]')],
    ['a number that JSON does not know', line.replace('"data":[1,2]', '"data":[1,02]')],
    ['a text', line.replace('"data":[3]', '"data":["3"]')],
    ['another shape', line.replace('[1,2]', '[1, 2]')],
    ['something behind it', `${line} x`],
    ['another order', withIds(one)],
    ['nonsense', 'nonsense'],
  ])('are told apart when one holds %s', async (_, other) => {
    for (const lines of [
      [line, line, other],
      [other, line],
    ]) {
      const { together, apart } = await answer(lines, 2);
      expect(together).toBeUndefined();
      expect(apart).toHaveLength(lines.length);
    }
  });

  it.each(['a\\"b', 'ä', '\\u0041'])(
    'are told apart by an id that is not plain: %s',
    async (other) => {
      const { together } = await answer([withIds(one), withIds({ ...one, id: other })], 2);
      expect(together).toBeUndefined();
    },
  );

  it('are told apart when their input stands beside the prediction', async () => {
    const { together, apart } = await answer([line, line], 2, true);
    expect(together).toBeUndefined();
    expect(apart.map(textOf).join('')).toContain('"input":');
  });

  it('are told apart when a prediction is no number that JSON can carry', async () => {
    const { together, apart } = await answer([line, line.replace('[1,2]}', '[3e38,2]}')], 2);
    expect(together).toBeUndefined();
    expect(apart.map((outcome) => 'error' in outcome)).toEqual([false, true]);
  });
});
