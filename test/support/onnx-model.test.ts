import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import {
  addConstant,
  denseModel,
  identityModel,
  intDivModel,
  loopModel,
  transposeModel,
} from './onnx-model.ts';

describe('generated ONNX models', () => {
  it('have the metadata that they were asked for, in every datatype', async () => {
    const types = {
      BOOL: 'bool',
      UINT8: 'uint8',
      UINT16: 'uint16',
      UINT32: 'uint32',
      UINT64: 'uint64',
      INT8: 'int8',
      INT16: 'int16',
      INT32: 'int32',
      INT64: 'int64',
      FP16: 'float16',
      FP32: 'float32',
      FP64: 'float64',
      BYTES: 'string',
    } as const;
    for (const [datatype, type] of Object.entries(types)) {
      const session = await InferenceSession.create(
        identityModel(datatype as keyof typeof types, [-1, 3]),
      );
      expect(session.inputMetadata).toEqual([
        { name: 'x', isTensor: true, type, shape: ['x0', 3] },
      ]);
      await session.release();
    }
  });

  it('add, divide, transpose, and loop as they say', async () => {
    const add = await InferenceSession.create(addConstant('FP32', [-1, 2], 1.5));
    const sum = await add.run({ x: new Tensor('float32', [1, 2, 3, 4], [2, 2]) });
    expect(Array.from(sum['y']?.data as Float32Array)).toEqual([2.5, 3.5, 4.5, 5.5]);

    const divide = await InferenceSession.create(intDivModel('INT64'));
    const quotient = await divide.run({
      a: new Tensor('int64', [7n, -8n], [2]),
      b: new Tensor('int64', [2n, 4n], [2]),
    });
    expect(Array.from(quotient['y']?.data as BigInt64Array)).toEqual([3n, -2n]);

    const transpose = await InferenceSession.create(transposeModel(2));
    const turned = await transpose.run({ x: new Tensor('float32', [1, 2, 3, 4, 5, 6], [3, 2]) });
    expect(turned['y']?.dims).toEqual([2, 3]);

    const loop = await InferenceSession.create(loopModel());
    const looped = await loop.run({ n: new Tensor('int64', [3n, 4n], [2]) });
    expect(Array.from(looped['y']?.data as BigInt64Array)).toEqual([3n, 4n]);
    const started = performance.now();
    await loop.run({ n: new Tensor('int64', [100_000n], [1]) });
    expect(performance.now() - started).toBeGreaterThan(5);

    const dense = await InferenceSession.create(denseModel([4, 8, 2]));
    const out = await dense.run({ x: new Tensor('float32', new Float32Array(12), [3, 4]) });
    expect(out['y']?.dims).toEqual([3, 2]);
  });
});
