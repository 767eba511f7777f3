import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { expect, test } from 'vitest';
import { decoders, golden, loadModel, repository } from '../../test/tasks/support/models.ts';

/** digits.png: 10 by 5 digits of 64 by 64 pixels, each as a PNG of its own. */
async function digits(): Promise<Uint8Array[]> {
  const sheet = await readFile(join(repository, 'examples/image-classification/digits.png'));
  const options = {
    channels: 1,
    alpha: 'drop',
    maxPixels: 1_000_000,
    resizeTo: undefined,
  } as const;
  const { data, width } = (await decoders.images.decode(sheet, options)).pixels;
  return Promise.all(
    Array.from({ length: 50 }, (_, index) => {
      const start = Math.floor(index / 10) * 64 * width + (index % 10) * 64;
      const pixels = new Uint8Array(64 * 64);
      for (let y = 0; y < 64; y += 1) {
        const row = start + y * width;
        pixels.set(data.subarray(row, row + 64), y * 64);
      }
      return decoders.images.encodePng({ width: 64, height: 64, channels: 1, data: pixels });
    }),
  );
}

test('hand-written digits are what scikit-learn says', async () => {
  const { predict } = await loadModel('digits');
  const expected = await golden(
    'examples/image-classification/golden.json',
    v.object({ label: v.array(v.string()), score: v.array(v.number()) }),
  );
  const pictures = (await digits()).map((bytes) => ({ kind: 'image' as const, bytes }));
  const predictions = await predict(...pictures);
  const best = predictions.map((one) => (one.type === 'labels' ? one.labels : []));
  expect(best.map(([first]) => first?.label)).toEqual(expected.label);
  for (const [index, labels] of best.entries()) {
    expect(labels).toHaveLength(3);
    expect(Math.abs((labels[0]?.score ?? 0) - (expected.score[index] ?? 0))).toBeLessThan(1e-5);
  }
});
