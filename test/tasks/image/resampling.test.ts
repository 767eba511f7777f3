import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { createImagePreprocessor } from '../../../src/tasks/image/preprocess.ts';
import { resampleOpenCv } from '../../../src/tasks/image/resample-opencv.ts';
import { resampleNearest, resamplePillow } from '../../../src/tasks/image/resample-pillow.ts';
import type { PixelImage } from '../../../src/tasks/ports.ts';
import { decoders, golden, image, repository } from '../support/models.ts';

const size = v.tuple([v.number(), v.number()]);
const goldenSchema = v.object({
  decoded: v.record(v.string(), v.string()),
  pillow: v.array(
    v.object({
      picture: v.string(),
      size,
      filter: v.picklist(['nearest', 'box', 'bilinear', 'bicubic', 'lanczos']),
      sha256: v.string(),
    }),
  ),
  opencv: v.array(v.object({ picture: v.string(), size, sha256: v.string() })),
  processors: v.array(
    v.object({
      picture: v.string(),
      file: v.record(v.string(), v.unknown()),
      shape: v.array(v.number()),
      places: v.array(v.number()),
      values: v.array(v.number()),
    }),
  ),
});
const expected = await golden('test/tasks/image/golden.json', goldenSchema);

const digest = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');

async function decode(path: string): Promise<PixelImage> {
  const bytes = await readFile(join(repository, path));
  const options = { channels: 3, alpha: 'drop', maxPixels: 1e7, resizeTo: undefined } as const;
  return (await decoders.images.decode(bytes, options)).pixels;
}

const pictures = new Map(
  await Promise.all(
    Object.keys(expected.decoded).map(async (path) => [path, await decode(path)] as const),
  ),
);
const picture = (path: string) => {
  const found = pictures.get(path);
  if (found === undefined) throw new Error(`no picture ${path}`);
  return found;
};

test.each(Object.entries(expected.decoded))(
  '%s decodes to the pixels that Pillow has',
  (path, sha256) => {
    expect(digest(picture(path).data)).toBe(sha256);
  },
);

describe('resizing with Pillow’s filters is Pillow’s, bit for bit', () => {
  test.each(expected.pillow)(
    '$filter to $size of $picture',
    ({ picture: path, size: [w, h], filter, sha256 }) => {
      const source = picture(path);
      const resized =
        filter === 'nearest' ? resampleNearest(source, w, h) : resamplePillow(source, w, h, filter);
      expect(digest(resized.data)).toBe(sha256);
    },
  );
});

describe('resizing without antialiasing is OpenCV’s, bit for bit', () => {
  test.each(expected.opencv)('to $size of $picture', ({ picture: path, size: [w, h], sha256 }) => {
    expect(digest(resampleOpenCv(picture(path), w, h).data)).toBe(sha256);
  });
});

describe('a preprocessor_config.json does what Hugging Face’s image processor does', () => {
  test.each(expected.processors)('$file.image_processor_type of $picture', async (one) => {
    const preprocessor = await createImagePreprocessor(
      {
        name: 'm',
        inputs: [],
        outputs: [],
        labels: [],
        readFile: async () => JSON.stringify(one.file),
      },
      undefined,
      { name: 'pixel_values', datatype: 'FP32', shape: [-1, 3, -1, -1] },
      decoders.images,
    );
    const prepared = await preprocessor.prepare(await image(one.picture));
    const tensor = preprocessor.stack([prepared]);
    expect(tensor.shape).toEqual(one.shape);
    for (const [index, place] of one.places.entries()) {
      const difference = (prepared.values[place] ?? Number.NaN) - (one.values[index] ?? 0);
      expect(Math.abs(difference), `value ${place}`).toBeLessThan(1e-6);
    }
  });
});
