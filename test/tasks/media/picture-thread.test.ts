import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { expect, test } from 'vitest';
import { createImageDecoder } from '../../../src/adapters/media/images.ts';
import { createPictureThread } from '../../../src/adapters/media/picture-thread.ts';
import { imageSchema } from '../../../src/models/task/image.ts';
import { createPicturePreparation } from '../../../src/tasks/image/prepare.ts';
import type { PreparedImage } from '../../../src/tasks/ports.ts';
import { repository } from '../support/models.ts';

const images = createImageDecoder();
const configuration = v.parse(imageSchema, {
  resize: { mode: 'shortest-edge', edge: 64 },
  interpolation: 'bicubic',
  centerCrop: { width: 56, height: 56 },
});
const picture = await readFile(join(repository, 'examples/object-detection/grace-hopper.jpg'));
const thread = createPictureThread(images.load, 2);

/** Asks until the thread has started. */
async function elsewhere(bytes: Uint8Array): Promise<PreparedImage> {
  for (;;) {
    const prepared = thread.prepare(bytes, configuration);
    if (prepared !== undefined) return prepared;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test('what the thread prepares is what this one does', async () => {
  const here = await createPicturePreparation(
    configuration,
    images,
  )({ kind: 'image', bytes: picture });
  const prepared = await Promise.all(Array.from({ length: 3 }, () => elsewhere(picture)));
  expect(prepared).toEqual([here, here, here]);
});

test('a bad picture is refused as it is here, and the next one is prepared', async () => {
  await expect(elsewhere(picture.subarray(0, 5_000))).rejects.toMatchObject({
    code: 'INVALID_REQUEST',
    message: 'picture: corrupt or truncated',
  });
  await expect(elsewhere(Buffer.from('no picture'))).rejects.toMatchObject({
    code: 'UNSUPPORTED_MEDIA_TYPE',
  });
  await expect(elsewhere(picture)).resolves.toHaveProperty('geometry.sourceWidth', 512);
});

test('on one processor there is no such thread', () => {
  const alone = createPictureThread(images.load, 1);
  expect(alone.prepare(picture, configuration)).toBeUndefined();
});
