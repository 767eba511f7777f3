import type { PixelImage } from '../ports.ts';

/** Source positions of Pillow's nearest neighbour, summed up step by step as it does (Geometry.c, ImagingScaleAffine). */
function nearestPositions(sourceSize: number, targetSize: number): Int32Array {
  const step = sourceSize / targetSize;
  let position = step * 0.5;
  return Int32Array.from({ length: targetSize }, () => {
    const whole = Math.floor(position);
    position += step;
    return Math.min(whole, sourceSize - 1);
  });
}

/** Pillow's nearest neighbour: the pixel under the middle of the target pixel. */
export function resampleNearest(image: PixelImage, width: number, height: number): PixelImage {
  const { channels, data } = image;
  const columns = nearestPositions(image.width, width);
  const target = new Uint8Array(width * height * channels);
  let out = 0;
  for (const row of nearestPositions(image.height, height)) {
    for (const column of columns) {
      const from = (row * image.width + column) * channels;
      for (let channel = 0; channel < channels; channel += 1) {
        target[out] = data[from + channel] ?? 0;
        out += 1;
      }
    }
  }
  return { width, height, channels, data: target };
}
