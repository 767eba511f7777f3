import type { MediaDecoders } from '../../tasks/ports.ts';
import { createAudioDecoder } from './audio.ts';
import { createCsvReader } from './csv.ts';
import { createImageDecoder } from './images.ts';
import { createPictureThread } from './picture-thread.ts';
import { createTokenizerFactory } from './tokenizers.ts';

/** All media libraries behind their ports; making this loads none of them. */
export function createMediaDecoders(): MediaDecoders {
  const images = createImageDecoder();
  return {
    csv: createCsvReader(),
    images,
    pictureThread: createPictureThread(images.load),
    audio: createAudioDecoder(),
    tokenizers: createTokenizerFactory(),
  };
}
