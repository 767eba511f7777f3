import { describe, expect, it } from 'vitest';
import { halfOf, halfToNumber } from '../../src/protocol/half.ts';

const largest = 0x7bff;

describe('a number as FP16', () => {
  it('is the nearest one, the even one of two that are as near, for each pair of neighbours', () => {
    const wrong: number[] = [];
    const expectHalf = (value: number, bits: number) => {
      if (halfOf(value) !== bits || halfOf(-value) !== (bits | 0x8000)) wrong.push(value);
    };
    for (let bits = 0; bits < largest; bits++) {
      const below = halfToNumber(bits);
      const above = halfToNumber(bits + 1);
      const middle = (below + above) / 2;
      expectHalf(below, bits);
      expectHalf(middle, bits % 2 === 0 ? bits : bits + 1);
      expectHalf(middle - middle * Number.EPSILON, bits);
      expectHalf(middle + middle * Number.EPSILON, bits + 1);
    }
    expect(wrong).toEqual([]);
  });

  it('is an infinity half a step beyond the largest, zero at half of the smallest, and NaN for NaN', () => {
    const largestValue = halfToNumber(largest);
    expect([largestValue, 65_519.99, 65_520, 1e300, Number.POSITIVE_INFINITY].map(halfOf)).toEqual([
      largest,
      largest,
      0x7c00,
      0x7c00,
      0x7c00,
    ]);
    expect([2 ** -25, Number.MIN_VALUE, 0, -0, Number.NEGATIVE_INFINITY].map(halfOf)).toEqual([
      0, 0, 0, 0x8000, 0xfc00,
    ]);
    expect(halfToNumber(halfOf(Number.NaN))).toBeNaN();
  });
});
