import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import type { ServingError } from '../../../src/errors.ts';
import { resamplePillow } from '../../../src/tasks/image/resample-pillow.ts';
import type { ImageDecodeOptions } from '../../../src/tasks/ports.ts';
import { decoders, repository } from '../support/models.ts';

const options: ImageDecodeOptions = {
  channels: 3,
  alpha: 'drop',
  maxPixels: 50_000_000,
  resizeTo: undefined,
};

const decode = async (bytes: Uint8Array, change: Partial<ImageDecodeOptions> = {}) =>
  (await decoders.images.decode(bytes, { ...options, ...change })).pixels;

const portrait = await readFile(join(repository, 'examples/object-detection/grace-hopper.jpg'));

/** Orange above, blue below, so that a turn shows. */
const flag = sharp({
  create: { width: 8, height: 12, channels: 3, background: { r: 250, g: 120, b: 0 } },
}).composite([
  {
    input: {
      create: { width: 8, height: 6, channels: 3, background: { r: 0, g: 60, b: 200 } },
    },
    top: 6,
    left: 0,
  },
]);

const at = (image: { data: Uint8Array; width: number }, x: number, y: number) =>
  Array.from(image.data.subarray((y * image.width + x) * 3, (y * image.width + x) * 3 + 3));

function near(actual: readonly number[], expected: readonly number[], tolerance: number): void {
  for (const [index, value] of actual.entries()) {
    expect(Math.abs(value - (expected[index] ?? 0)), `${actual}`).toBeLessThanOrEqual(tolerance);
  }
}

/** A PNG whose header says what it likes. */
function png(width: number, height: number, rows: Uint8Array): Buffer {
  const chunk = (type: string, data: Uint8Array) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const framed = Buffer.alloc(body.length + 8);
    framed.writeUInt32BE(data.length, 0);
    body.copy(framed, 4);
    framed.writeUInt32BE(crc32(body), body.length + 4);
    return framed;
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.writeUInt8(8, 8);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const data = chunk('IDAT', deflateSync(rows));
  return Buffer.concat([signature, chunk('IHDR', header), data, chunk('IEND', Buffer.alloc(0))]);
}

describe('odd pictures decode to what a person sees', () => {
  test.each(['png', 'webp', 'gif', 'tiff', 'avif'] as const)('%s', async (format) => {
    const image = await decode(await flag.clone().toFormat(format, { quality: 90 }).toBuffer());
    expect([image.width, image.height, image.channels]).toEqual([8, 12, 3]);
    near(at(image, 4, 2), [250, 120, 0], 12);
    near(at(image, 4, 10), [0, 60, 200], 12);
  });

  test('CMYK', async () => {
    const cmyk = await flag.clone().toColourspace('cmyk').jpeg({ quality: 95 }).toBuffer();
    expect((await sharp(cmyk).metadata()).space).toBe('cmyk');
    // The ink's range is smaller than the screen's.
    near(at(await decode(cmyk), 4, 2), [250, 120, 0], 45);
  });

  test('16 bits a channel', async () => {
    const deep = await flag.clone().toColourspace('rgb16').png().toBuffer();
    expect((await sharp(deep).metadata()).depth).toBe('ushort');
    near(at(await decode(deep), 4, 2), [250, 120, 0], 1);
  });

  test('gray and palette become RGB, and colours become gray', async () => {
    const gray = await flag.clone().toColourspace('b-w').png().toBuffer();
    const [red, green, blue] = at(await decode(gray), 4, 2);
    expect([green, blue]).toEqual([red, red]);
    const palette = await flag.clone().png({ palette: true }).toBuffer();
    near(at(await decode(palette), 4, 2), [250, 120, 0], 6);
    const one = await decode(await flag.clone().png().toBuffer(), { channels: 1 });
    expect([one.channels, one.data.length]).toEqual([1, 96]);
  });

  test('transparency is dropped, or laid on white or black', async () => {
    const half = await sharp({
      create: { width: 4, height: 4, channels: 4, background: { r: 200, g: 0, b: 0, alpha: 0.5 } },
    })
      .png()
      .toBuffer();
    near(at(await decode(half), 1, 1), [200, 0, 0], 1);
    near(at(await decode(half, { alpha: 'white' }), 1, 1), [228, 128, 128], 2);
    near(at(await decode(half, { alpha: 'black' }), 1, 1), [100, 0, 0], 2);
  });

  test.each([
    [3, 12, 8, [0, 60, 200], [250, 120, 0]],
    [6, 12, 8, [0, 60, 200], [250, 120, 0]],
    [8, 12, 8, [250, 120, 0], [0, 60, 200]],
  ])('EXIF orientation %i is turned upright', async (orientation, width, height, left, right) => {
    const turned = await flag
      .clone()
      .withMetadata({ orientation })
      .jpeg({ quality: 100 })
      .toBuffer();
    const image = await decode(turned);
    if (orientation === 3) {
      expect([image.width, image.height]).toEqual([8, 12]);
      near(at(image, 4, 1), left, 12);
      near(at(image, 4, 11), right, 12);
    } else {
      expect([image.width, image.height]).toEqual([width, height]);
      near(at(image, 1, 4), left, 12);
      near(at(image, 11, 4), right, 12);
    }
  });

  test('of an animation the first frame', async () => {
    const frames = await sharp(
      await Promise.all([flag.clone().png().toBuffer(), flag.clone().negate().png().toBuffer()]),
      { join: { animated: true } },
    )
      .gif()
      .toBuffer();
    expect((await sharp(frames).metadata()).pages).toBe(2);
    const image = await decode(frames);
    expect([image.width, image.height]).toEqual([8, 12]);
    near(at(image, 4, 2), [250, 120, 0], 12);
  });

  test('resized while it is decoded it is nearly what Pillow makes of it', async () => {
    const resizeTo = { width: 224, height: 150, filter: 'bilinear' } as const;
    const resized = await decoders.images.decode(portrait, { ...options, resizeTo });
    expect([resized.width, resized.height]).toEqual([512, 600]);
    expect([resized.pixels.width, resized.pixels.height]).toEqual([224, 150]);
    const exact = resamplePillow(await decode(portrait), 224, 150, 'bilinear');
    const sum = exact.data.reduce(
      (so, value, index) => so + Math.abs(value - (resized.pixels.data[index] ?? 0)),
      0,
    );
    expect(sum / exact.data.length).toBeLessThan(3);
  });

  test('turned and resized at once, the sides are those of the upright picture', async () => {
    const turned = await flag.clone().withMetadata({ orientation: 6 }).jpeg().toBuffer();
    const resizeTo = { width: 6, height: 4, filter: 'nearest' } as const;
    const image = await decode(turned, { resizeTo });
    expect([image.width, image.height]).toEqual([6, 4]);
    near(at(image, 0, 2), [0, 60, 200], 20);
    near(at(image, 5, 2), [250, 120, 0], 20);
  });
});

describe('bad pictures are refused with what is wrong', () => {
  const truncated = portrait.subarray(0, portrait.length / 2);
  test.each<[string, Uint8Array, number, RegExp]>([
    ['nothing', Buffer.alloc(0), 400, /no bytes/],
    ['text', Buffer.from('hello'), 415, /expected JPEG, PNG/],
    [
      'SVG',
      Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'),
      415,
      /PNG/,
    ],
    ['PDF', Buffer.from('%PDF-1.4\n1 0 obj<<>>endobj'), 415, /expected JPEG, PNG/],
    ['half of a JPEG', truncated, 400, /corrupt or truncated/],
    ['a JPEG cut in its header', portrait.subarray(0, 400), 415, /broken header/],
    ['a JPEG with noise inside', noisy(portrait), 400, /corrupt or truncated/],
    ['a PNG without its rows', png(40, 40, Buffer.alloc(100)), 400, /corrupt or truncated/],
    ['a PNG of no width', png(0, 40, Buffer.alloc(40)), 415, /broken header/],
    [
      'a bomb of 60,000 by 60,000',
      png(60_000, 60_000, Buffer.alloc(1 << 20)),
      413,
      /60000 x 60000/,
    ],
  ])('%s', async (_, bytes, statusCode, message) => {
    const error: ServingError = await decode(bytes).then(
      () => expect.unreachable('it was decoded'),
      (refused) => refused,
    );
    expect(error.message).toMatch(message);
    expect(error.statusCode).toBe(statusCode);
    expect(error.message).not.toMatch(/\/|vips/i);
  });

  test('a bomb costs no memory', async () => {
    const bomb = png(20_000, 20_000, Buffer.alloc(20_001 * 200));
    const before = process.memoryUsage().rss;
    await expect(decode(bomb)).rejects.toThrow(/at most 50000000 pixels/);
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
  });
});

/** Bytes in the middle overwritten by a marker that cannot stand there. */
function noisy(bytes: Uint8Array): Buffer {
  const copy = Buffer.from(bytes);
  for (let i = 5000; i < copy.length - 2; i += 700) copy.writeUInt16BE(0xffc4, i);
  return copy;
}
