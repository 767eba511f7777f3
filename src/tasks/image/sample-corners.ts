import type { PixelImage } from '../ports.ts';
import type { Geometry } from './geometry.ts';

/** Positions are looked up in 32nds of a pixel, as OpenCV's remap does (INTER_BITS). */
const fractionBits = 5;
const fractions = 1 << fractionBits;

interface Positions {
  /** The first of two neighbours; -1 and the size are outside. */
  readonly index: Int32Array;
  /** Weight of the second one, of 32. */
  readonly weight: Int32Array;
}

function positions(count: number, offset: number, size: number, sourceSize: number): Positions {
  const index = new Int32Array(count);
  const weight = new Int32Array(count);
  for (let target = 0; target < count; target += 1) {
    const position = Math.round(((target - offset) * sourceSize * fractions) / size);
    index[target] = position >> fractionBits;
    weight[target] = position & (fractions - 1);
  }
  return { index, weight };
}

/**
 * The picture at its place in a picture of the tensor's size, each target pixel's corner looked up bilinearly in the
 * source: MediaPipe's ImageToTensor on the CPU, which is OpenCV's warpPerspective with INTER_LINEAR and a constant border.
 *
 * @param fill value around the picture
 */
export function sampleByCorners(image: PixelImage, geometry: Geometry, fill: number): PixelImage {
  const { tensorWidth, tensorHeight } = geometry;
  const { width, height, channels, data } = image;
  const x = positions(tensorWidth, geometry.left, geometry.width, width);
  const y = positions(tensorHeight, geometry.top, geometry.height, height);
  const target = new Uint8Array(tensorWidth * tensorHeight * channels);
  const at = (column: number, row: number, channel: number): number =>
    column < 0 || row < 0 || column >= width || row >= height
      ? fill
      : (data[(row * width + column) * channels + channel] ?? 0);
  const stride = width * channels;
  let out = 0;
  for (let row = 0; row < tensorHeight; row += 1) {
    const top = y.index[row] ?? 0;
    const down = y.weight[row] ?? 0;
    const rowsInside = top >= 0 && top + 1 < height;
    for (let column = 0; column < tensorWidth; column += 1) {
      const left = x.index[column] ?? 0;
      const across = x.weight[column] ?? 0;
      const inside = rowsInside && left >= 0 && left + 1 < width;
      let from = top * stride + left * channels;
      for (let channel = 0; channel < channels; channel += 1) {
        const a = inside ? (data[from] ?? 0) : at(left, top, channel);
        const b = inside ? (data[from + channels] ?? 0) : at(left + 1, top, channel);
        const c = inside ? (data[from + stride] ?? 0) : at(left, top + 1, channel);
        const d = inside ? (data[from + stride + channels] ?? 0) : at(left + 1, top + 1, channel);
        const upper = a * (fractions - across) + b * across;
        const lower = c * (fractions - across) + d * across;
        target[out] = (upper * (fractions - down) + lower * down + 512) >> 10;
        out += 1;
        from += 1;
      }
    }
  }
  return { width: tensorWidth, height: tensorHeight, channels, data: target };
}
