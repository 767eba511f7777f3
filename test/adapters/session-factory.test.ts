import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSessionFactory } from '../../src/adapters/onnxruntime/session-factory.ts';
import type { SessionOptions } from '../../src/models/session.ts';
import type { Tensor } from '../../src/protocol/tensor.ts';
import { addConstant, identityModel, intDivModel } from '../support/onnx-model.ts';

const options: SessionOptions = { intraOpThreads: 1, graphOptimization: 'all' };

let folder: string;
let files = 0;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pilotlight-sessions-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function createSession(bytes: Uint8Array, intraOpThreads = options.intraOpThreads) {
  files += 1;
  const path = join(folder, `${files}.onnx`);
  writeFileSync(path, bytes);
  return createSessionFactory().create(path, { ...options, intraOpThreads });
}

const samples: readonly Omit<Tensor, 'name'>[] = [
  { datatype: 'BOOL', shape: [3], data: Uint8Array.of(0, 1, 1) },
  { datatype: 'UINT8', shape: [3], data: Uint8Array.of(0, 1, 255) },
  { datatype: 'UINT16', shape: [2], data: Uint16Array.of(0, 65535) },
  { datatype: 'UINT32', shape: [2], data: Uint32Array.of(0, 4294967295) },
  { datatype: 'UINT64', shape: [2], data: BigUint64Array.of(0n, 18446744073709551615n) },
  { datatype: 'INT8', shape: [2], data: Int8Array.of(-128, 127) },
  { datatype: 'INT16', shape: [2], data: Int16Array.of(-32768, 32767) },
  { datatype: 'INT32', shape: [2], data: Int32Array.of(-2147483648, 2147483647) },
  {
    datatype: 'INT64',
    shape: [2],
    data: BigInt64Array.of(-9223372036854775808n, 9007199254740993n),
  },
  // Half-precision bits of 1, -2, the smallest subnormal and a NaN.
  { datatype: 'FP16', shape: [4], data: Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7e01) },
  {
    datatype: 'FP32',
    shape: [4],
    data: Float32Array.of(1.5, -0, Number.NaN, Number.POSITIVE_INFINITY),
  },
  { datatype: 'FP64', shape: [2], data: Float64Array.of(Math.PI, Number.MIN_VALUE) },
  { datatype: 'BYTES', shape: [3], data: ['', 'grün', '漢字 🔥'] },
];

describe('a session of ONNX Runtime', () => {
  it.each(samples)('carries $datatype in and out without a change', async (sample) => {
    const session = await createSession(identityModel(sample.datatype, [-1]));
    expect(session.inputs).toEqual([{ name: 'x', datatype: sample.datatype, shape: [-1] }]);
    const [output] = await session.run([{ ...sample, name: 'x' }], ['y']);
    expect(output).toEqual({ ...sample, name: 'y' });
    await session.release();
  });

  it.each(['__proto__', 'constructor', 'hasOwnProperty', 'data'])(
    'runs a model whose input is called %s',
    async (input) => {
      const session = await createSession(identityModel('FP32', [-1], { input }));
      const feed: Tensor = {
        name: input,
        datatype: 'FP32',
        shape: [2],
        data: Float32Array.of(1, 2),
      };
      expect(await session.run([feed], ['y'])).toEqual([{ ...feed, name: 'y' }]);
      await session.release();
    },
  );

  it('answers by any name but __proto__, and says so when the model is loaded', async () => {
    const data = Float32Array.of(1);
    for (const output of ['constructor', 'hasOwnProperty', 'toString']) {
      const session = await createSession(identityModel('FP32', [-1], { output }));
      const [answer] = await session.run(
        [{ name: 'x', datatype: 'FP32', shape: [1], data }],
        [output],
      );
      expect(answer).toMatchObject({ name: output, data });
      await session.release();
    }
    await expect(
      createSession(identityModel('FP32', [-1], { output: '__proto__' })),
    ).rejects.toMatchObject({
      code: 'MODEL_UNAVAILABLE',
      message: expect.stringContaining('output __proto__') as unknown,
    });
  });

  it('refuses text that the binding would cut off at U+0000', async () => {
    const session = await createSession(identityModel('BYTES', [-1]));
    const feed: Tensor = { name: 'x', datatype: 'BYTES', shape: [2], data: ['a', 'b\u0000c'] };
    await expect(session.run([feed], ['y'])).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
      message: 'input x: element 1 holds the character U+0000, which ONNX Runtime cannot carry',
    });
    await session.release();
  });

  it('carries scalars and tensors without elements', async () => {
    const scalar = await createSession(identityModel('FP32', []));
    const [answer] = await scalar.run(
      [{ name: 'x', datatype: 'FP32', shape: [], data: Float32Array.of(7) }],
      ['y'],
    );
    expect(answer).toMatchObject({ shape: [], data: Float32Array.of(7) });
    const empty = await createSession(identityModel('FP32', [-1, 4]));
    const [nothing] = await empty.run(
      [{ name: 'x', datatype: 'FP32', shape: [0, 4], data: new Float32Array(0) }],
      ['y'],
    );
    expect(nothing).toMatchObject({ shape: [0, 4], data: new Float32Array(0) });
  });

  it('refuses what is not a model, without telling its path', async () => {
    for (const bytes of [Buffer.from('<Error>NoSuchKey</Error>'), Buffer.alloc(0)]) {
      const failure = await createSession(bytes).catch((thrown: unknown) => thrown);
      expect(failure).toMatchObject({ code: 'MODEL_UNAVAILABLE', statusCode: 503 });
      expect(String(failure)).not.toContain(folder);
    }
  });

  it('refuses a model that was cut off', async () => {
    const whole = addConstant('FP32', [-1], 1);
    await expect(createSession(whole.subarray(0, whole.length - 3))).rejects.toMatchObject({
      code: 'MODEL_UNAVAILABLE',
    });
  });

  it('blames the request for values on which the model cannot run', async () => {
    const session = await createSession(intDivModel('INT32', [-1]));
    const failure = await session
      .run(
        [
          { name: 'a', datatype: 'INT32', shape: [2], data: Int32Array.of(1, 2) },
          { name: 'b', datatype: 'INT32', shape: [3], data: Int32Array.of(1, 2, 3) },
        ],
        ['y'],
      )
      .catch((thrown: unknown) => thrown);
    expect(failure).toMatchObject({ code: 'INVALID_REQUEST', statusCode: 400 });
    expect(String(failure)).not.toMatch(/\/onnxruntime|\.cc/);
  });

  it('has as many threads as it is told, the one that calls it among them', async () => {
    const threads = () => readdirSync('/proc/self/task').length;
    const model = addConstant('FP32', [-1], 1);
    await createSession(model);
    for (const intraOpThreads of [1, 2, 4]) {
      const before = threads();
      await createSession(model, intraOpThreads);
      expect(threads() - before).toBe(intraOpThreads - 1);
    }
  });

  it('can be released twice', async () => {
    const session = await createSession(identityModel('FP32', [-1]));
    await session.release();
    await session.release();
  });
});
