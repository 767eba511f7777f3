import { parentPort } from 'node:worker_threads';
import { toServingError } from '../../errors.ts';
import { createPicturePreparation } from '../../tasks/image/prepare.ts';
import { createImageDecoder } from './images.ts';
import type { PictureReply, PictureRequest } from './picture-thread.ts';

/** The other side of `createPictureThread`: what runs in the thread. */
const images = createImageDecoder();

async function prepare({ id, bytes, configuration }: PictureRequest): Promise<void> {
  try {
    const preparePicture = createPicturePreparation(configuration, images);
    const prepared = await preparePicture({ kind: 'image', bytes });
    reply({ kind: 'prepared', id, prepared }, [prepared.values.buffer]);
  } catch (thrown) {
    const { code, message } = toServingError(thrown);
    reply({ kind: 'refused', id, code, message });
  }
}

function reply(message: PictureReply, moved: readonly ArrayBuffer[] = []): void {
  parentPort?.postMessage(message, [...moved]);
}

parentPort?.on('message', (request: PictureRequest) => void prepare(request));
await images.load();
reply({ kind: 'ready' });
