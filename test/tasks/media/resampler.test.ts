import { expect, test } from 'vitest';
import { resample } from '../../../src/adapters/media/resampler.ts';

const tone = (rate: number, seconds: number) =>
  Float32Array.from(
    { length: Math.floor(rate * seconds) },
    (_, i) => 0.5 * Math.sin((2 * Math.PI * 440 * i) / rate),
  );

test.each([
  [44_100, 16_000, 25],
  [11_025, 16_000, 65],
  [48_000, 16_000, 22],
  [8000, 16_000, 65],
  [22_051, 16_000, 65],
  [192_000, 8000, 6],
  [1000, 192_000, 6],
])('%i Hz to %i Hz over %i s is one tone without a seam', async (from, to, seconds) => {
  const resampled = await resample(tone(from, seconds), from, to);
  expect(resampled).toHaveLength(to * seconds);
  // A seam would be a step: the second difference of a tone is small everywhere but at the two ends.
  const step = (2 * Math.PI * 440) / to;
  const limit = Math.max(0.01, 0.5 * step * step * 1.2);
  let worst = 0;
  for (let i = Math.ceil(to / 20); i < resampled.length - to / 20; i += 1) {
    const bend = (resampled[i - 1] ?? 0) - 2 * (resampled[i] ?? 0) + (resampled[i + 1] ?? 0);
    worst = Math.max(worst, Math.abs(bend));
  }
  expect(worst).toBeLessThan(limit);
});

test('blocks of long sound give what the short part of it gives', async () => {
  const long = await resample(tone(44_100, 25), 44_100, 16_000);
  const short = await resample(tone(44_100, 10), 44_100, 16_000);
  for (let i = 0; i < 9.9 * 16_000; i += 1) {
    expect(Math.abs((long[i] ?? 0) - (short[i] ?? 0))).toBeLessThan(1e-6);
  }
});
