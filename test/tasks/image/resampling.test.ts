import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { compilePasses, passesFile } from '../../../infra/compile-passes.ts';
import { createImagePreprocessor } from '../../../src/tasks/image/preprocess.ts';
import { resampleNearest } from '../../../src/tasks/image/resample-nearest.ts';
import { resampleOpenCv } from '../../../src/tasks/image/resample-opencv.ts';
import { resamplePillow } from '../../../src/tasks/image/resample-pillow.ts';
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

test('resample-passes.ts is what resample-passes.wat compiles to (npm run compile:passes writes it)', async () => {
  expect(await readFile(passesFile, 'utf8')).toBe(await compilePasses());
});

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

describe('resizing with Pillow’s filters', () => {
  const pattern = (width: number, height: number, channels: 1 | 3 | 4): PixelImage => ({
    width,
    height,
    channels,
    data: Uint8Array.from({ length: width * height * channels }, (_, i) => (i * 2_654_435) >> 8),
  });
  const channel = ({ data, channels }: PixelImage, index: number) =>
    data.filter((_, i) => i % channels === index);

  test.each([1, 3, 4] as const)('does to each of %i channels what it does to one', (channels) => {
    const source = pattern(61, 37, channels);
    for (const [width, height] of [
      [17, 9],
      [64, 37],
      [61, 80],
    ] as const) {
      const together = resamplePillow(source, width, height, 'bicubic');
      for (let index = 0; index < channels; index += 1) {
        const alone: PixelImage = { ...source, channels: 1, data: channel(source, index) };
        const expectedChannel = resamplePillow(alone, width, height, 'bicubic').data;
        expect(channel(together, index)).toEqual(expectedChannel);
      }
    }
  });

  test('computes a part as it computes the whole, also of a picture that needs memory of its own', () => {
    const source = pattern(2_400, 2_600, 3);
    const whole = resamplePillow(source, 2_300, 2_500, 'lanczos');
    const part = { left: 1_111, top: 2_222, width: 40, height: 30 };
    const { data } = resamplePillow(source, 2_300, 2_500, 'lanczos', part);
    for (let y = 0; y < part.height; y += 1) {
      const from = ((part.top + y) * whole.width + part.left) * 3;
      const row = data.subarray(y * part.width * 3, (y + 1) * part.width * 3);
      expect(row).toEqual(whole.data.subarray(from, from + part.width * 3));
    }
  });
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
      decoders,
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
