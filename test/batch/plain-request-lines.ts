import * as v from 'valibot';
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
import { datatypes } from './written-requests.ts';

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

/** The models that requests are written for here. */
export async function requestedModels(): Promise<LocalModels> {
  const models = new LocalModels();
  await models.add('awkward-in', awkward(['data', 'id'], ['y', 'z']));
  await models.add('awkward-out', awkward(['x', 'k'], ['id', 'data']));
  await models.add('doubling', doubling);
  await models.add('casting', casting);
  return models;
}

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
export async function answer(
  models: LocalModels,
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

/** The lines of an outcome. */
export function textOf(outcome: RecordOutcome): string {
  if ('line' in outcome) return `${outcome.line}\n`;
  if ('lines' in outcome) return Buffer.concat([...outcome.lines]).toString();
  throw new Error(`expected lines, got ${JSON.stringify(outcome)}`);
}
