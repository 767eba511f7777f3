import type { PixelImage } from '../ports.ts';

/**
 * OpenCV's bilinear resize without antialiasing (modules/imgproc/src/resize.cpp, INTER_LINEAR for 8U), bit for bit:
 * what PaddleOCR and most detectors of that school do to a picture.
 */
const coefficientBits = 11;
const one = 1 << coefficientBits;

interface Taps {
  /** The left or upper one of two neighbours. */
  readonly first: Int32Array;
  /** The right or lower one; the same at the border. */
  readonly second: Int32Array;
  /** Weights of the two, in fixed point. */
  readonly weights: Int32Array;
}

/** A source row after the horizontal pass, in fixed point. */
interface KeptRow {
  readonly y: number;
  readonly row: Int32Array;
}

/** Rounds half to even, as cvRound does. */
function round(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest === 0.5) return floor % 2 === 0 ? floor : floor + 1;
  return rest < 0.5 ? floor : floor + 1;
}

/**
 * @param snap whether a position beyond the border gets all the weight of the border, as OpenCV does across; down it
 * only repeats the border's row, and loses a bit to the rounding of two halves
 */
function taps(sourceSize: number, targetSize: number, snap: boolean): Taps {
  const scale = 1 / (targetSize / sourceSize);
  const first = new Int32Array(targetSize);
  const second = new Int32Array(targetSize);
  const weights = new Int32Array(targetSize * 2);
  for (let target = 0; target < targetSize; target += 1) {
    const position = Math.fround((target + 0.5) * scale - 0.5);
    let index = Math.floor(position);
    let rest = Math.fround(position - index);
    if (snap && (index < 0 || index >= sourceSize - 1)) {
      index = Math.min(Math.max(index, 0), sourceSize - 1);
      rest = 0;
    }
    first[target] = Math.max(0, index);
    second[target] = Math.min(index + 1, sourceSize - 1);
    weights[2 * target] = round(Math.fround(Math.fround(1 - rest) * one));
    weights[2 * target + 1] = round(Math.fround(rest * one));
  }
  return { first, second, weights };
}

/** Half in both directions is a mean of four in OpenCV, whatever was asked for. */
function halve(image: PixelImage, width: number, height: number): PixelImage {
  const { channels, data } = image;
  const stride = image.width * channels;
  const target = new Uint8Array(width * height * channels);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      for (let c = 0; c < channels; c += 1) {
        const at = 2 * y * stride + 2 * x * channels + c;
        const sum =
          (data[at] ?? 0) +
          (data[at + channels] ?? 0) +
          (data[at + stride] ?? 0) +
          (data[at + stride + channels] ?? 0);
        target[(y * width + x) * channels + c] = (sum + 2) >> 2;
      }
    }
  }
  return { width, height, channels, data: target };
}

/** @param width and @param height of the result, in pixels, at least 1 */
export function resampleOpenCv(image: PixelImage, width: number, height: number): PixelImage {
  const { channels, data } = image;
  if (width === image.width && height === image.height) return image;
  if (width * 2 === image.width && height * 2 === image.height) return halve(image, width, height);
  const across = taps(image.width, width, true);
  const down = taps(image.height, height, false);
  const rowLength = width * channels;

  const horizontal = (y: number, row: Int32Array): Int32Array => {
    const start = y * image.width * channels;
    for (let x = 0; x < width; x += 1) {
      const left = start + (across.first[x] ?? 0) * channels;
      const right = start + (across.second[x] ?? 0) * channels;
      const a = across.weights[2 * x] ?? 0;
      const b = across.weights[2 * x + 1] ?? 0;
      for (let c = 0; c < channels; c += 1) {
        row[x * channels + c] = (data[left + c] ?? 0) * a + (data[right + c] ?? 0) * b;
      }
    }
    return row;
  };

  const target = new Uint8Array(rowLength * height);
  // Two rows are kept: the next target row mostly needs the same ones.
  let upper: KeptRow = { y: -1, row: new Int32Array(rowLength) };
  let lower: KeptRow = { y: -1, row: new Int32Array(rowLength) };
  for (let y = 0; y < height; y += 1) {
    const top = down.first[y] ?? 0;
    const bottom = down.second[y] ?? 0;
    if (lower.y === top) [upper, lower] = [lower, upper];
    if (upper.y !== top) upper = { y: top, row: horizontal(top, upper.row) };
    if (lower.y !== bottom) lower = { y: bottom, row: horizontal(bottom, lower.row) };
    const a = down.weights[2 * y] ?? 0;
    const b = down.weights[2 * y + 1] ?? 0;
    const out = y * rowLength;
    for (let x = 0; x < rowLength; x += 1) {
      const high = (a * ((upper.row[x] ?? 0) >> 4)) >> 16;
      const low = (b * ((lower.row[x] ?? 0) >> 4)) >> 16;
      target[out + x] = (high + low + 2) >> 2;
    }
  }
  return { width, height, channels, data: target };
}
