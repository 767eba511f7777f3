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
import type { Datatype } from '../../src/protocol/tensor.ts';
import { LocalModels } from '../support/local-models.ts';
import { MemoryObjectStore } from '../support/memory-object-store.ts';
import { encodeModel } from '../support/onnx-protobuf.ts';
import { withRun } from '../support/with-run.ts';
import {
  datatypes,
  id,
  numberText,
  program,
  styles,
  type Values,
  values,
  writeRequest,
} from './written-requests.ts';

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

const elementTypes: Partial<Record<Datatype, number>> = { FP32: 1, INT32: 6, INT64: 7 };
const casting = encodeModel({
  inputs: datatypes.map(([name, datatype]) => ({ name, datatype, shape: [-1] })),
  outputs: [
    ...datatypes.map(([name, , datatype]) => ({ name: `of ${name}`, datatype, shape: [-1] })),
    { name: 't', datatype: 'FP64', shape: [-1] },
  ],
  nodes: [
    ...datatypes.map(([name, , datatype]) => ({
      operator: 'Cast',
      inputs: [name],
      outputs: [`of ${name}`],
      attributes: { to: elementTypes[datatype] ?? 0 },
    })),
    { operator: 'Identity', inputs: ['d'], outputs: ['t'] },
  ],
});

/** Inputs, and outputs, that are called as members of requests and responses are. */
const awkward = (inputs: readonly [string, string], outputs: readonly [string, string]) =>
  encodeModel({
    inputs: inputs.map((name) => ({ name, datatype: 'FP32', shape: [-1] })),
    outputs: outputs.map((name) => ({ name, datatype: 'FP32', shape: [-1] })),
    nodes: inputs.map((name, index) => ({
      operator: 'Add',
      inputs: [name, name],
      outputs: [outputs[index] ?? ''],
    })),
  });

beforeAll(async () => {
  await models.add('awkward-in', awkward(['data', 'id'], ['y', 'z']));
  await models.add('awkward-out', awkward(['x', 'k'], ['id', 'data']));
  await models.add('doubling', doubling);
  await models.add('casting', casting);
});
afterAll(() => models.close());

const object = { key: 'data/input.jsonl', etag: '"1"', sizeBytes: 10 };
/** @param names outputs of requests that ask for none; undefined for all */
const job = (joinInput: boolean, model: string, names: readonly string[] | undefined) =>
  v.parse(jobSchema, {
    jobId: `${model}.input.0123456789abcdef`,
    createdAtMs: 0,
    model: { model, version: '1', fingerprint: 'f' },
    source: object.key,
    input: { kind: 'objects', objects: [object] },
    output: { format: 'jsonl', merge: false, joinInput, names },
    shardBytes: 10,
    shardRecords: 10,
  });

/** What becomes of lines that came together, and of the same lines one by one. */
async function answer(
  lines: readonly string[],
  rowsPerRun: number,
  {
    joinInput = false,
    model = 'doubling',
    names,
  }: {
    readonly joinInput?: boolean;
    readonly model?: string;
    readonly names?: readonly string[];
  } = {},
) {
  const store = new MemoryObjectStore();
  await store.put('lines', lines.map((line) => `${line}\n`).join(''));
  const stored = await store.head('lines');
  if (stored === undefined) throw new Error('expected the lines that were written');
  const range = { start: 0, end: stored.sizeBytes, maximumBytes: 1_000_000 };
  const blocks = readBlocks(store, stored, 0, stored.sizeBytes);
  const found = await readLineBlocks(blocks, range).next();
  if (found.done === true || isLongLine(found.value)) throw new Error('expected a block');
  const block = recordOfLines(found.value, undefined, { base: 0, number: 0 });
  const lease = await models.acquire({ model, version: undefined });
  const source = { kind: 'lines', format: 'jsonl', object, start: 0, end: 10 } as const;
  const asked = job(joinInput, model, names);
  const encoder = createOutputEncoder(asked, lease, source, false);
  let runs = 0;
  const { session } = lease;
  const counted = withRun(session, (...run) => {
    runs += 1;
    return session.run(...run);
  });
  const engine = new RequestEngine({ job: asked, lease: { ...lease, session: counted }, encoder });
  const together = await engine.transformBlock(block, rowsPerRun);
  const runsTogether = runs;
  const apart = await engine.transform(expandRows(block), rowsPerRun);
  lease.release();
  return { together, apart, runsTogether };
}

function textOf(outcome: RecordOutcome): string {
  if ('line' in outcome) return `${outcome.line}\n`;
  if ('lines' in outcome) return Buffer.concat([...outcome.lines]).toString();
  throw new Error(`expected lines, got ${JSON.stringify(outcome)}`);
}

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

  it('are answered as each by itself, whatever is written, or told apart', async () => {
    const plainNumber = fc.constantFrom('0', '1');
    const names = datatypes.map(([name]) => `of ${name}`);
    let together = 0;
    await fc.assert(
      fc.asyncProperty(
        program,
        fc.array(
          fc.tuple(
            fc.oneof({ weight: 5, arbitrary: id }, fc.constantFrom('ä', '\\u0041', '"', '\u007f')),
            fc.oneof(
              { weight: 2, arbitrary: fc.array(plainNumber, { minLength: 12, maxLength: 12 }) },
              fc.array(numberText, { minLength: 12, maxLength: 12 }),
            ),
          ),
          { minLength: 1, maxLength: 5 },
        ),
        fc.integer({ min: 1, max: 5 }),
        async (writer, requests, rowsPerRun) => {
          const lines = requests.map(([name, numbers]) => writeRequest(writer, name, numbers));
          const outcome = await answer(lines, rowsPerRun, { model: 'casting', names });
          if (outcome.together === undefined) return;
          together += 1;
          expect(textOf(outcome.together)).toBe(outcome.apart.map(textOf).join(''));
        },
      ),
      { seed: 22, numRuns: 1_000 },
    );
    expect(together).toBeGreaterThan(100);
  });

  it.each([
    ['awkward-in', 'data', 'id'],
    ['awkward-in', 'id', 'data'],
    ['awkward-out', 'x', 'k'],
  ])('are read together where tensors are called data and id: %s %s', async (model, ...names) => {
    const request = (id: string, values: readonly number[]) => {
      const tensors = names.map(
        (name, index) =>
          `{"name": "${name}", "shape": [1], "datatype": "FP32", "data": [${values[index]}]}`,
      );
      return `{"inputs": [${tensors}], "id": "${id}"}`;
    };
    const lines = [request('a', [1, 2]), request('b', [3, 4]), request('c', [5.5, 6])];
    const { together, apart } = await answer(lines, 2, { model });
    if (together === undefined) throw new Error('expected them to be read together');
    expect(textOf(together)).toBe(apart.map(textOf).join(''));
    expect(textOf(together)).toContain('"id":"c"');
    const idFirst = lines.map((line) => line.replace(/^\{(.*), ("id": ".")\}$/, '{$2, $1}'));
    const other = await answer(idFirst, 2, { model });
    expect(other.together && textOf(other.together)).toBe(textOf(together));
  });

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
    const { together, apart, runsTogether } = await answer([line, line], 2, { joinInput: true });
    expect(together).toBeUndefined();
    expect(runsTogether).toBe(0);
    expect(apart.map(textOf).join('')).toContain('"input":');
  });

  it.each(['[{"name":"t"}]', '[{"name":"of x","parameters":{"classification":1}}]'])(
    'are told apart before any is run when they ask for what is not written in rows: %s',
    async (outputs) => {
      const inputs = datatypes.map(
        ([name, datatype]) => `{"name":"${name}","datatype":"${datatype}","shape":[1],"data":[1]}`,
      );
      const asking = `{"inputs":[${inputs}],"outputs":${outputs}}`;
      const { together, apart, runsTogether } = await answer([asking, asking], 2, {
        model: 'casting',
      });
      expect(together).toBeUndefined();
      expect(runsTogether).toBe(0);
      expect(apart.map(textOf)).toHaveLength(2);
    },
  );

  it('are told apart when a prediction is no number that JSON can carry', async () => {
    const { together, apart } = await answer([line, line.replace('[1,2]}', '[3e38,2]}')], 2);
    expect(together).toBeUndefined();
    expect(apart.map((outcome) => 'error' in outcome)).toEqual([false, true]);
  });
});
