import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { decoders, image, loadModel, repository } from '../../test/tasks/support/models.ts';

test('the person on the portrait is the one that MediaPipe cuts out, pixel by pixel', async () => {
  const { predict } = await loadModel('selfie-segmentation');
  const png = await readFile(join(repository, 'examples/image-segmentation/golden.png'));
  const options = {
    channels: 1,
    alpha: 'drop',
    maxPixels: 1_000_000,
    resizeTo: undefined,
  } as const;
  const expected = (await decoders.images.decode(png, options)).pixels;
  const [prediction] = await predict(await image('examples/object-detection/grace-hopper.jpg'));
  const [segment] = prediction?.type === 'segments' ? prediction.segments : [];
  expect(segment).toMatchObject({ label: 'person', mask: { width: 512, height: 600 } });
  const mask = segment?.mask.data ?? new Uint8Array();
  const differences = mask.map((value, index) => Math.abs(value - (expected.data[index] ?? 0)));
  expect(Math.max(...new Set(differences))).toBeLessThanOrEqual(1);
});
