import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import * as v from 'valibot';
import { expect, test } from 'vitest';
import { createImageDecoder } from '../../../src/adapters/media/images.ts';
import { createPictureThread } from '../../../src/adapters/media/picture-thread.ts';
import { imageSchema } from '../../../src/models/task/image.ts';
import { createPicturePreparation } from '../../../src/tasks/image/prepare.ts';
import type { PictureThread, PreparedImage } from '../../../src/tasks/ports.ts';
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
async function ask(thread: PictureThread, bytes: Uint8Array): Promise<PreparedImage> {
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
  const prepared = await Promise.all(Array.from({ length: 3 }, () => ask(thread, picture)));
  expect(prepared).toEqual([here, here, here]);
});

test('a bad picture is refused as it is here, and the next one is prepared', async () => {
  await expect(ask(thread, picture.subarray(0, 5_000))).rejects.toMatchObject({
    code: 'INVALID_REQUEST',
    message: 'picture: corrupt or truncated',
  });
  await expect(ask(thread, Buffer.from('no picture'))).rejects.toMatchObject({
    code: 'UNSUPPORTED_MEDIA_TYPE',
  });
  await expect(ask(thread, picture)).resolves.toHaveProperty('geometry.sourceWidth', 512);
});

test('a thread that dies is told to who waits for it, and another one takes its place', async () => {
  const started: Worker[] = [];
  const note = (worker: Worker) => started.push(worker);
  process.on('worker', note);
  const mortal = createPictureThread(images.load, 2);
  await ask(mortal, picture);
  const underway = ask(mortal, picture);
  await started[0]?.terminate();
  await expect(underway).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true });
  await expect(ask(mortal, picture)).resolves.toHaveProperty('geometry.sourceWidth', 512);
  process.off('worker', note);
  expect(started).toHaveLength(2);
});

test('on one processor there is no such thread', () => {
  const alone = createPictureThread(images.load, 1);
  expect(alone.prepare(picture, configuration)).toBeUndefined();
});
