import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  countRows,
  isStackable,
  outputsAgree,
  splitTensors,
  stackingKey,
  stackTensors,
} from '../../src/inference/stacking.ts';
import { datatypes, elementBytes, viewOf } from '../../src/protocol/datatype.ts';
import type { Datatype, Tensor } from '../../src/protocol/tensor.ts';

/** A tensor of any bits: floats with NaN, integers at their ends, any string. */
function tensorOf(
  name: string,
  datatype: Datatype,
  shape: readonly number[],
  seed: number,
): Tensor {
  const count = shape.reduce((product, dimension) => product * dimension, 1);
  if (datatype === 'BYTES') {
    const data = Array.from({ length: count }, (_, index) => `${seed}-${index}-ü\u0000`);
    return { name, datatype, shape, data };
  }
  const bytes = new Uint8Array(count * elementBytes[datatype]);
  for (let index = 0; index < bytes.length; index++) bytes[index] = (seed * 31 + index * 97) & 0xff;
  return { name, datatype, shape, data: viewOf(datatype, bytes.buffer, 0, count) };
}

const requests = fc
  .record({
    inputs: fc.array(
      fc.record({
        datatype: fc.constantFrom(...datatypes),
        trailing: fc.array(fc.nat(3), { maxLength: 3 }),
      }),
      { minLength: 1, maxLength: 3 },
    ),
    rows: fc.array(fc.nat(4), { minLength: 1, maxLength: 6 }),
    seed: fc.nat(1000),
  })
  .map(({ inputs, rows, seed }) =>
    rows.map((count, request) =>
      inputs.map(({ datatype, trailing }, position) =>
        tensorOf(`in${position}`, datatype, [count, ...trailing], seed + request * 7 + position),
      ),
    ),
  );

describe('stacking', () => {
  it('gives every request its own rows back, whatever the datatypes, shapes and counts', () => {
    fc.assert(
      fc.property(requests, (all) => {
        const rows = all.map((inputs) => countRows(inputs) ?? -1);
        const stacked = stackTensors(all);
        expect(countRows(stacked)).toBe(rows.reduce((sum, count) => sum + count, 0));
        expect(splitTensors(stacked, rows)).toEqual(all);
        expect(new Set(all.map(stackingKey)).size).toBe(1);
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it('tells requests apart that cannot share a run', () => {
    const keys = [
      [tensorOf('a', 'FP32', [1, 2], 0)],
      [tensorOf('a', 'FP32', [1, 3], 0)],
      [tensorOf('a', 'FP32', [1, 2, 1], 0)],
      [tensorOf('a', 'FP64', [1, 2], 0)],
      [tensorOf('b', 'FP32', [1, 2], 0)],
      [tensorOf('a', 'FP32', [1, 2], 0), tensorOf('b', 'FP32', [1], 0)],
    ].map(stackingKey);
    expect(new Set(keys).size).toBe(keys.length);
    expect(stackingKey([tensorOf('a', 'FP32', [5, 2], 3)])).toBe(keys[0]);
  });

  it('knows no rows for scalars and for inputs that disagree', () => {
    expect(countRows([tensorOf('a', 'FP32', [], 0)])).toBeUndefined();
    expect(
      countRows([tensorOf('a', 'FP32', [2], 0), tensorOf('b', 'FP32', [3], 0)]),
    ).toBeUndefined();
    expect(countRows([])).toBeUndefined();
  });

  it('says when the outputs do not have a row for each row', () => {
    expect(splitTensors([tensorOf('y', 'FP32', [2, 3], 0)], [1, 2])).toBeUndefined();
    expect(splitTensors([tensorOf('y', 'FP32', [], 0)], [1])).toBeUndefined();
  });

  it('needs a first dimension that varies, in every input and output', () => {
    const varying = { name: 'x', datatype: 'FP32', shape: [-1, 3] } as const;
    const fixed = { name: 'x', datatype: 'FP32', shape: [1, 3] } as const;
    const scalar = { name: 'x', datatype: 'FP32', shape: [] } as const;
    expect(isStackable([varying], [varying])).toBe(true);
    expect(isStackable([varying, fixed], [varying])).toBe(false);
    expect(isStackable([varying], [scalar])).toBe(false);
    expect(isStackable([], [varying])).toBe(false);
  });

  it('calls outputs equal that differ by rounding, and unequal that differ by more', () => {
    const y = (...values: number[]): Tensor[] => [
      { name: 'y', datatype: 'FP32', shape: [values.length], data: Float32Array.from(values) },
    ];
    expect(outputsAgree(y(1, Number.NaN, Infinity), y(1.0001, Number.NaN, Infinity))).toBe(true);
    expect(outputsAgree(y(1), y(1.01))).toBe(false);
    expect(outputsAgree(y(1), y(Number.NaN))).toBe(false);
    expect(outputsAgree(y(Number.NaN), y(1))).toBe(false);
    expect(outputsAgree(y(Infinity), y(-Infinity))).toBe(false);
    expect(outputsAgree(y(Infinity), y(1))).toBe(false);
    expect(outputsAgree(y(1), y(1, 2))).toBe(false);
    const whole = (value: bigint): Tensor[] => [
      { name: 'y', datatype: 'INT64', shape: [1], data: BigInt64Array.of(value) },
    ];
    expect(outputsAgree(whole(1n), whole(1n))).toBe(true);
    expect(outputsAgree(whole(1n), whole(2n))).toBe(false);
  });
});
