import { ServingError } from '../../errors.ts';
import type { ImageDecoder, PixelImage } from '../ports.ts';
import type { PredictInput, Segment } from '../predictor.ts';

/** Tints that are told apart by most eyes (Okabe and Ito, 2008), each red, green, blue. */
const tints = [
  [86, 180, 233],
  [230, 159, 0],
  [0, 158, 115],
  [240, 228, 66],
  [0, 114, 178],
  [213, 94, 0],
  [204, 121, 167],
] as const;

/** Share of the tint where a segment is whole. */
const opacity = 0.6;

/** One gray picture: the score of the only segment, or the index of each pixel's class (0 where there is none). */
export function drawMask(segments: readonly Segment[]): PixelImage {
  const [first, ...others] = segments;
  if (first === undefined) {
    throw new ServingError('NOT_ACCEPTABLE', 'Accept: there is no segment to draw');
  }
  if (others.length === 0 && first.index === 0) return first.mask;
  const { width, height } = first.mask;
  const data = new Uint8Array(width * height);
  for (const { index, mask } of segments) {
    for (let i = 0; i < data.length; i += 1) if (mask.data[i] === 255) data[i] = index;
  }
  return { width, height, channels: 1, data };
}

/** The picture that was sent with its segments tinted. */
export async function drawOverlay(
  input: PredictInput,
  segments: readonly Segment[],
  images: ImageDecoder,
): Promise<PixelImage> {
  const source = await pixelsOf(input, images);
  const data = Uint8Array.from(source.data);
  for (const [place, { mask }] of segments.entries()) {
    const tint = tints[place % tints.length] ?? tints[0];
    for (let i = 0; i < mask.data.length; i += 1) {
      const share = ((mask.data[i] ?? 0) / 255) * opacity;
      if (share === 0) continue;
      for (const [channel, colour] of tint.entries()) {
        const before = data[i * 3 + channel] ?? 0;
        data[i * 3 + channel] = Math.round(before + (colour - before) * share);
      }
    }
  }
  return { ...source, data };
}

async function pixelsOf(input: PredictInput, images: ImageDecoder): Promise<PixelImage> {
  if (input.kind === 'pixels') return input.image;
  if (input.kind !== 'image') {
    throw new ServingError('NOT_ACCEPTABLE', 'Accept: there is no picture to draw on');
  }
  // The mask was made for it, so its size was accepted before.
  const maxPixels = 500_000_000;
  const options = { channels: 3, alpha: 'drop', maxPixels, resizeTo: undefined } as const;
  return (await images.decode(input.bytes, options)).pixels;
}
