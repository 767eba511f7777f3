import type { PixelImage } from '../ports.ts';
import {
  type Coefficients,
  coefficients,
  type PillowFilter,
  precisionBits,
} from './pillow-coefficients.ts';

const half = 1 << (precisionBits - 1);

const lowest = -640;
/** Saturation of a shifted sum by table, as Pillow does it: a lookup costs less than two branches. */
const saturated = Uint8ClampedArray.from({ length: 1920 }, (_, i) => i + lowest);

/** Squeezes rows of RGB or gray pixels; @param rows the first source row, and the row after the last */
function resampleRows(
  image: PixelImage,
  [firstRow, endRow]: readonly [number, number],
  targetWidth: number,
  across: Coefficients,
): Uint8Array {
  const { channels } = image;
  const target = new Uint8Array(targetWidth * (endRow - firstRow) * channels);
  for (let row = firstRow; row < endRow; row += 1) {
    const from = row * image.width * channels;
    const to = (row - firstRow) * targetWidth * channels;
    if (channels === 3) squeezeRgbRow(image.data, from, target, to, targetWidth, across);
    else squeezeRow(image.data, from, target, to, targetWidth, channels, across);
  }
  return target;
}

function squeezeRgbRow(
  source: Uint8Array,
  from: number,
  target: Uint8Array,
  to: number,
  width: number,
  { first, count, weights, stride }: Coefficients,
): void {
  let out = to;
  for (let x = 0; x < width; x += 1) {
    const taps = count[x] ?? 0;
    const w = x * stride;
    let at = from + (first[x] ?? 0) * 3;
    let r = half;
    let g = half;
    let b = half;
    for (let i = w; i < w + taps; i += 1) {
      const weight = weights[i] ?? 0;
      r = (r + Math.imul(source[at] ?? 0, weight)) | 0;
      g = (g + Math.imul(source[at + 1] ?? 0, weight)) | 0;
      b = (b + Math.imul(source[at + 2] ?? 0, weight)) | 0;
      at += 3;
    }
    target[out] = saturated[(r >> precisionBits) - lowest] ?? 0;
    target[out + 1] = saturated[(g >> precisionBits) - lowest] ?? 0;
    target[out + 2] = saturated[(b >> precisionBits) - lowest] ?? 0;
    out += 3;
  }
}

function squeezeRow(
  source: Uint8Array,
  from: number,
  target: Uint8Array,
  to: number,
  width: number,
  channels: number,
  { first, count, weights, stride }: Coefficients,
): void {
  let out = to;
  for (let x = 0; x < width; x += 1) {
    const taps = count[x] ?? 0;
    const start = from + (first[x] ?? 0) * channels;
    for (let c = 0; c < channels; c += 1) {
      let sum = half;
      for (let i = 0; i < taps; i += 1) {
        const value = source[start + i * channels + c] ?? 0;
        sum = (sum + Math.imul(value, weights[x * stride + i] ?? 0)) | 0;
      }
      target[out] = saturated[(sum >> precisionBits) - lowest] ?? 0;
      out += 1;
    }
  }
}

/** @param firstRow the source row that `source` begins with */
function resampleColumns(
  source: Uint8Array,
  rowLength: number,
  firstRow: number,
  targetHeight: number,
  { first, count, weights, stride }: Coefficients,
): Uint8Array {
  const target = new Uint8Array(rowLength * targetHeight);
  const sums = new Int32Array(rowLength);
  for (let y = 0; y < targetHeight; y += 1) {
    sums.fill(half);
    const taps = count[y] ?? 0;
    let row = ((first[y] ?? 0) - firstRow) * rowLength;
    let i = 0;
    // Two rows at a time: each sum is loaded and stored half as often.
    for (; i + 1 < taps; i += 2) {
      const upper = weights[y * stride + i] ?? 0;
      const lower = weights[y * stride + i + 1] ?? 0;
      const next = row + rowLength;
      for (let x = 0; x < rowLength; x += 1) {
        const sum = (sums[x] ?? 0) + Math.imul(source[row + x] ?? 0, upper);
        sums[x] = sum + Math.imul(source[next + x] ?? 0, lower);
      }
      row = next + rowLength;
    }
    if (i < taps) {
      const weight = weights[y * stride + i] ?? 0;
      for (let x = 0; x < rowLength; x += 1) {
        sums[x] = (sums[x] ?? 0) + Math.imul(source[row + x] ?? 0, weight);
      }
    }
    const out = y * rowLength;
    for (let x = 0; x < rowLength; x += 1) {
      target[out + x] = saturated[((sums[x] ?? 0) >> precisionBits) - lowest] ?? 0;
    }
  }
  return target;
}

/** A part of the result: what a centre crop leaves, so that the rest is not computed. */
export interface Window {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/**
 * Pillow's antialiased resampling (src/libImaging/Resample.c), bit for bit for eight bits a channel: this is what
 * Hugging Face's image processors and torchvision do to a picture, so the model sees the pixels that it was trained on.
 *
 * @param width and @param height of the whole result, in pixels, at least 1
 * @param window the part of it that is wanted
 */
export function resamplePillow(
  image: PixelImage,
  width: number,
  height: number,
  filter: PillowFilter,
  window: Window = { left: 0, top: 0, width, height },
): PixelImage {
  const { channels } = image;
  // Without a change of size Pillow leaves a direction out, which a box of one pixel does as well.
  const along = (from: number, to: number) => (from === to ? 'box' : filter);
  const across = coefficients(
    image.width,
    width,
    along(image.width, width),
    window.left,
    window.width,
  );
  const down = coefficients(
    image.height,
    height,
    along(image.height, height),
    window.top,
    window.height,
  );
  const whole = width === image.width && window.width === width;
  const rows = whole ? image.data : resampleRows(image, down.needs, window.width, across);
  const firstRow = whole ? 0 : down.needs[0];
  const data = resampleColumns(rows, window.width * channels, firstRow, window.height, down);
  return { width: window.width, height: window.height, channels, data };
}

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
