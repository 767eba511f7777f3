import type { PixelImage } from '../ports.ts';
import type { Point } from '../predictor.ts';

/** The eight numbers of a perspective map: x = (a u + b v + c) / (g u + h v + 1), y = (d u + e v + f) / (g u + h v + 1). */
type Perspective = readonly [number, number, number, number, number, number, number, number];

/** The map that takes the corners of a width by height rectangle (from the top left, clockwise) to the given ones. */
function rectangleTo(
  corners: readonly [Point, Point, Point, Point],
  width: number,
  height: number,
): Perspective {
  // Heckbert, Fundamentals of Texture Mapping and Image Warping (1989), 2.2.3: unit square to quadrilateral.
  const [[x0, y0], [x1, y1], [x2, y2], [x3, y3]] = corners;
  const [dx1, dx2, sx] = [x1 - x2, x3 - x2, x0 - x1 + x2 - x3];
  const [dy1, dy2, sy] = [y1 - y2, y3 - y2, y0 - y1 + y2 - y3];
  const determinant = dx1 * dy2 - dx2 * dy1;
  const g = determinant === 0 ? 0 : (sx * dy2 - dx2 * sy) / determinant;
  const h = determinant === 0 ? 0 : (dx1 * sy - sx * dy1) / determinant;
  return [
    (x1 - x0 + g * x1) / width,
    (x3 - x0 + h * x3) / height,
    x0,
    (y1 - y0 + g * y1) / width,
    (y3 - y0 + h * y3) / height,
    y0,
    g / width,
    h / height,
  ];
}

/** Positions are looked up in 32nds of a pixel, as OpenCV's remap does (INTER_BITS). */
const fractions = 32;

/** Weights of four neighbours for each 32nd: cubic convolution with a = -0.75, as OpenCV has it. */
const cubicWeights = Float32Array.from({ length: fractions * 4 }, (_, i) => {
  const a = -0.75;
  const x = Math.floor(i / 4) / fractions;
  const distance = Math.abs((i % 4) - 1 - x);
  if (distance <= 1) return ((a + 2) * distance - (a + 3)) * distance * distance + 1;
  return ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a;
});

/**
 * The quadrilateral as an upright picture, interpolated cubically, what lies outside repeated from the border:
 * warpPerspective of OpenCV with INTER_CUBIC and BORDER_REPLICATE.
 *
 * @param corners from the top left, clockwise
 */
export function cutOut(
  image: PixelImage,
  corners: readonly [Point, Point, Point, Point],
  width: number,
  height: number,
): PixelImage {
  const [a, b, c, d, e, f, g, h] = rectangleTo(corners, width, height);
  const { channels, data } = image;
  const stride = image.width * channels;
  const target = new Uint8ClampedArray(width * height * channels);
  const columns = new Int32Array(4);
  for (let v = 0; v < height; v += 1) {
    for (let u = 0; u < width; u += 1) {
      const w = 1 / (g * u + h * v + 1);
      const x = Math.round((a * u + b * v + c) * w * fractions);
      const y = Math.round((d * u + e * v + f) * w * fractions);
      const left = (x >> 5) - 1;
      const top = (y >> 5) - 1;
      const wx = (x & 31) * 4;
      const wy = (y & 31) * 4;
      for (let i = 0; i < 4; i += 1) {
        columns[i] = Math.min(Math.max(left + i, 0), image.width - 1) * channels;
      }
      for (let channel = 0; channel < channels; channel += 1) {
        let sum = 0;
        for (let j = 0; j < 4; j += 1) {
          const row = Math.min(Math.max(top + j, 0), image.height - 1) * stride + channel;
          let across = 0;
          for (let i = 0; i < 4; i += 1) {
            across += (data[row + (columns[i] ?? 0)] ?? 0) * (cubicWeights[wx + i] ?? 0);
          }
          sum += across * (cubicWeights[wy + j] ?? 0);
        }
        target[(v * width + u) * channels + channel] = sum;
      }
    }
  }
  return { width, height, channels, data: new Uint8Array(target.buffer) };
}

/** Turned by 90 degrees counter-clockwise (numpy's rot90). */
export function quarterTurn(image: PixelImage): PixelImage {
  const { width, height, channels, data } = image;
  const target = new Uint8Array(data.length);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const from = (y * width + x) * channels;
      const to = ((width - 1 - x) * height + y) * channels;
      for (let channel = 0; channel < channels; channel += 1) {
        target[to + channel] = data[from + channel] ?? 0;
      }
    }
  }
  return { width: height, height: width, channels, data: target };
}

/** Turned by 180 degrees. */
export function halfTurn(image: PixelImage): PixelImage {
  const { width, height, channels, data } = image;
  const target = new Uint8Array(data.length);
  const pixels = width * height;
  for (let i = 0; i < pixels; i += 1) {
    for (let channel = 0; channel < channels; channel += 1) {
      target[(pixels - 1 - i) * channels + channel] = data[i * channels + channel] ?? 0;
    }
  }
  return { width, height, channels, data: target };
}
