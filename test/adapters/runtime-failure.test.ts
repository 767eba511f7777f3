import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createSessionFactory } from '../../src/adapters/onnxruntime/session-factory.ts';
import { addExternal, identityModel } from '../support/onnx-model.ts';
import { encodeModel } from '../support/onnx-protobuf.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pilotlight-failures-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const value = { datatype: 'FP32', shape: [1] } as const;
const unknownOperator = encodeModel({
  inputs: [{ name: 'x', ...value }],
  outputs: [{ name: 'y', ...value }],
  nodes: [{ operator: 'NoSuchOperator', inputs: ['x'], outputs: ['y'] }],
});

it.each([
  ['cut off', identityModel('FP32', [-1]).subarray(0, 30), 'Protobuf parsing failed.'],
  ['empty', new Uint8Array(), 'ModelProto does not have a graph.'],
  ['of an unknown operator', unknownOperator, 'No Op registered for NoSuchOperator'],
  [
    'without its weights',
    addExternal([1, 2], 'weights.bin').model,
    'External data path does not exist: "weights.bin"',
  ],
  [
    'with weights outside of its folder',
    addExternal([1, 2], '../weights.bin').model,
    'External data path escapes model directory.',
  ],
  [
    'with weights anywhere on the disk',
    addExternal([1, 2], '/etc/hostname').model,
    'Absolute path not allowed for external data location',
  ],
])(
  'a model %s is refused in ONNX Runtime’s words, which tell nothing of this machine',
  async (name, model, reason) => {
    const path = join(folder, `${name}.onnx`);
    writeFileSync(path, model);
    const loading = createSessionFactory().create(path, {
      intraOpThreads: 1,
      graphOptimization: 'all',
    });
    const failure: unknown = await loading.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(failure).toMatchObject({ code: 'MODEL_UNAVAILABLE' });
    const { message } = Object(failure);
    expect(message).toContain(reason);
    expect(message).not.toMatch(/\.cc:|onnxruntime_src|::/);
    expect(message).not.toContain(tmpdir());
  },
);
