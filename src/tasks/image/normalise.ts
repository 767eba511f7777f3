import type { ImageConfiguration } from '../../models/task/image.ts';
import type { PixelImage } from '../ports.ts';
import type { Geometry } from './geometry.ts';

/** Channels that the model gets. */
export function channelCount(configuration: ImageConfiguration): 1 | 3 {
  return configuration.colour === 'gray' ? 1 : 3;
}

function forChannel(values: number | readonly number[], channel: number): number {
  if (typeof values === 'number') return values;
  return values[channel] ?? values[0] ?? 0;
}

/**
 * One table of 256 values for each channel of the tensor, in its order: a pixel costs one lookup, and the values are
 * rounded to 32 bits where the reference implementations (numpy in FP32) round.
 */
export function normalisationTables(configuration: ImageConfiguration): Float32Array[] {
  const { rescale, mean, std } = configuration;
  return Array.from({ length: channelCount(configuration) }, (_, channel) => {
    const shift = Math.fround(forChannel(mean, channel));
    const scale = Math.fround(forChannel(std, channel));
    return Float32Array.from({ length: 256 }, (__, pixel) => {
      const value = Math.fround(pixel * rescale);
      return Math.fround(Math.fround(value - shift) / scale);
    });
  });
}

/**
 * Writes resized pixels into the tensor at their place, normalised and in its layout. What the picture does not cover
 * holds `fill`: a pixel value before normalisation, or undefined for 0 after it.
 *
 * @returns channels * tensorHeight * tensorWidth values
 */
export function toTensor(
  image: PixelImage,
  geometry: Geometry,
  configuration: ImageConfiguration,
  tables: readonly Float32Array[],
  fill: number | undefined,
): Float32Array<ArrayBuffer> {
  const { tensorWidth, tensorHeight, left, top } = geometry;
  const channels = tables.length;
  const planes = configuration.layout === 'nchw';
  const planeSize = tensorWidth * tensorHeight;
  const tensor = new Float32Array(channels * planeSize);
  const fromX = Math.max(0, -left);
  const toX = Math.min(image.width, tensorWidth - left);
  const fromY = Math.max(0, -top);
  const toY = Math.min(image.height, tensorHeight - top);
  const covered = toX - fromX === tensorWidth && toY - fromY === tensorHeight;
  for (const [channel, table] of tables.entries()) {
    const stored = configuration.colour === 'bgr' ? channels - 1 - channel : channel;
    const step = planes ? 1 : channels;
    const start = planes ? channel * planeSize : channel;
    if (fill !== undefined && !covered) {
      const value = table[fill] ?? 0;
      for (let i = 0; i < planeSize; i += 1) tensor[start + i * step] = value;
    }
    for (let y = fromY; y < toY; y += 1) {
      let from = (y * image.width + fromX) * image.channels + stored;
      let to = start + ((y + top) * tensorWidth + fromX + left) * step;
      for (let x = fromX; x < toX; x += 1) {
        tensor[to] = table[image.data[from] ?? 0] ?? 0;
        from += image.channels;
        to += step;
      }
    }
  }
  return tensor;
}
