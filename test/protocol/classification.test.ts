import { describe, expect, it } from 'vitest';
import { classify } from '../../src/protocol/classification.ts';
import type { Tensor } from '../../src/protocol/tensor.ts';

function int32(shape: readonly number[], ...values: readonly number[]): Tensor {
  return { name: 'y', datatype: 'INT32', shape, data: Int32Array.from(values) };
}

function float32(...values: readonly number[]): Tensor {
  return { name: 'y', datatype: 'FP32', shape: [values.length], data: Float32Array.from(values) };
}

describe('classification', () => {
  it('is that of the extension’s own example, with and without labels', () => {
    const tensor = int32([4], 1, 5, 10, 4);
    expect(classify(tensor, 2, [])).toEqual({
      name: 'y',
      datatype: 'BYTES',
      shape: [2],
      data: ['10:2', '5:1'],
    });
    expect(classify(tensor, 2, ['?', 'pickle', 'apple']).data).toEqual([
      '10:2:apple',
      '5:1:pickle',
    ]);
  });

  it('looks at each element of the first dimension on its own', () => {
    const { shape, data } = classify(int32([2, 3], 1, 3, 2, 9, 7, 8), 2, []);
    expect({ shape, data }).toEqual({ shape: [2, 2], data: ['3:1', '2:2', '9:0', '8:2'] });
  });

  it('keeps all when more are asked for, equal values in their order and NaN last', () => {
    expect(classify(float32(0.5, Number.NaN, 0.1, 0.5), 9, []).data).toEqual([
      '0.5:0',
      '0.5:3',
      '0.1:2',
      'NaN:1',
    ]);
  });

  it('gives the same by insertion as by sorting', () => {
    const values = Array.from({ length: 500 }, (_, index) => Math.imul(index, 2_654_435_761) % 97);
    const all = classify(int32([500], ...values), 500, []).data;
    expect(classify(int32([500], ...values), 64, []).data).toEqual(all.slice(0, 64));
  });

  it('reads FP16 and 64-bit integers in their own order', () => {
    const half: Tensor = {
      name: 'y',
      datatype: 'FP16',
      shape: [3],
      data: Uint16Array.of(0xc000, 0x3c00, 0x0001),
    };
    expect(classify(half, 3, []).data).toEqual(['1:1', '5.9604645e-8:2', '-2:0']);
    const long: Tensor = {
      name: 'y',
      datatype: 'INT64',
      shape: [2],
      data: BigInt64Array.of(2n ** 62n, 2n ** 62n + 1n),
    };
    expect(classify(long, 1, []).data).toEqual(['4611686018427387905:1']);
  });

  it('leaves the tensor alone when it is not asked for', () => {
    const tensor = int32([1], 1);
    expect(classify(tensor, 0, [])).toBe(tensor);
  });

  it('takes no rows, and refuses strings', () => {
    expect(classify(int32([0, 3]), 2, []).shape).toEqual([0, 0]);
    const text: Tensor = { name: 'y', datatype: 'BYTES', shape: [1], data: ['a'] };
    expect(() => classify(text, 1, [])).toThrow(
      'output "y": classification is not supported for BYTES',
    );
  });
});
