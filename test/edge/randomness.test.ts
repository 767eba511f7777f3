import { expect, it } from 'vitest';
import { kernelRandom, kernelRandomId } from '../../src/edge/randomness.ts';

it('ids are of 128 bits, and never the same twice', () => {
  const ids = new Set(Array.from({ length: 1_000 }, kernelRandomId));
  expect(ids.size).toBe(1_000);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{32}$/);
});

it('numbers are uniform from 0 to 1, 1 left out', () => {
  const numbers = Array.from({ length: 10_000 }, kernelRandom);
  expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...numbers)).toBeLessThan(1);
  const mean = numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
  // Five standard errors of the mean of 10,000 uniform numbers.
  expect(Math.abs(mean - 0.5)).toBeLessThan(0.0145);
});
