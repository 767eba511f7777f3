import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatFloat32, maximumFloat32Characters } from '../../src/protocol/float32-text.ts';

/** Significant digits of a decimal form. */
function digitsOf(text: string): number {
  return text.replace(/e.*/, '').replace(/[-.]/g, '').replace(/^0+/, '').replace(/0+$/, '').length;
}

/** The fewest digits of a number that is clearly nearest to the value, found by trying them all. */
function fewestDigits(value: number): number {
  const magnitude = Math.abs(value);
  const bits = new Uint32Array(Float32Array.of(magnitude).buffer)[0] ?? 0;
  const gap = Math.min(magnitude - floatOfBits(bits - 1), floatOfBits(bits + 1) - magnitude);
  let digits = 1;
  while (Math.abs(Number(magnitude.toPrecision(digits)) - magnitude) > (gap / 2) * 0.999_998) {
    digits++;
  }
  return digits;
}

function floatOfBits(bits: number): number {
  const word = Uint32Array.of(bits);
  return new Float32Array(word.buffer)[0] ?? 0;
}

describe('the text of an FP32', () => {
  it.each([
    [0, '0'],
    [-0, '-0.0'],
    [1, '1'],
    [-12.5, '-12.5'],
    [0.1, '0.1'],
    [1 / 3, '0.33333334'],
    [1e-6, '0.000001'],
    [1e-7, '1e-7'],
    [16777216, '16777216'],
    [1e9, '1000000000'],
    [1e20, '100000000000000000000'],
    [1e21, '1e+21'],
    [3.4028234663852886e38, '3.4028235e+38'],
    [1.1754943508222875e-38, '1.1754944e-38'],
    [2 ** -149, '1e-45'],
    [Number.NaN, 'NaN'],
    [Number.NEGATIVE_INFINITY, '-Infinity'],
  ])('%d is %s', (value, text) => {
    expect(formatFloat32(Math.fround(value))).toBe(text);
  });

  it('reads back as the same bits, in the layout of JavaScript, with the fewest digits', () => {
    const anyFloat = fc
      .integer({ min: 0, max: 0xffffffff })
      .map(floatOfBits)
      .filter(Number.isFinite);
    fc.assert(
      fc.property(anyFloat, (value) => {
        const text = formatFloat32(value);
        const read = Number(text);
        expect(Object.is(Math.fround(read), value)).toBe(true);
        if (!Object.is(value, -0)) expect(text).toBe(`${read}`);
        expect(text.length).toBeLessThan(maximumFloat32Characters);
        // Whole numbers of up to nine digits are written out.
        const whole = Number.isInteger(value) && Math.abs(value) < 1e9;
        if (!whole) expect(digitsOf(text)).toBeLessThanOrEqual(fewestDigits(value));
      }),
      { seed: 3, numRuns: 5_000 },
    );
  });

  it('is right at every power of two, where the gaps between values change', () => {
    for (let exponent = -149; exponent < 128; exponent++) {
      for (const value of [
        2 ** exponent,
        2 ** exponent * (1 + 2 ** -23),
        2 ** exponent * (2 - 2 ** -23),
      ]) {
        const float = Math.fround(value);
        expect(Math.fround(Number(formatFloat32(float)))).toBe(float);
      }
    }
  });

  it('is not a tie between two values, which some readers would take for the other', () => {
    const anyFloat = fc.integer({ min: 0, max: 0x7f7fffff }).map(floatOfBits);
    fc.assert(
      fc.property(anyFloat, (value) => {
        const next = floatOfBits((new Uint32Array(Float32Array.of(value).buffer)[0] ?? 0) + 1);
        const middle = (value + next) / 2;
        expect(Number(formatFloat32(value))).toBeLessThan(middle);
      }),
      { seed: 4, numRuns: 3_000 },
    );
  });
});
