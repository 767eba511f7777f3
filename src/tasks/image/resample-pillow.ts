import type { PixelImage } from '../ports.ts';

/**
 * Pillow's antialiased resampling (src/libImaging/Resample.c), bit for bit for eight bits a channel: this is what
 * Hugging Face's image processors and torchvision do to a picture, so the model sees the pixels that it was trained on.
 */
export type PillowFilter = 'box' | 'bilinear' | 'bicubic' | 'lanczos';

interface Kernel {
  /** Half of the width in which it is not zero, at scale 1. */
  readonly support: number;
  weight(x: number): number;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}

const kernels: Readonly<Record<PillowFilter, Kernel>> = {
  box: { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: {
    support: 1,
    weight: (x) => Math.max(0, 1 - Math.abs(x)),
  },
  bicubic: {
    support: 2,
    weight(signed) {
      const a = -0.5;
      const x = Math.abs(signed);
      if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
      if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
      return 0;
    },
  },
  lanczos: { support: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

/** Fixed point: 32 bits less 8 of the pixel and 2 for the sum to exceed it. */
const precisionBits = 22;
const half = 1 << (precisionBits - 1);

/** For each target position: the first source position, how many, and their weights in fixed point. */
interface Coefficients {
  readonly first: Int32Array;
  readonly count: Int32Array;
  readonly weights: Int32Array;
  /** Weights kept for each position. */
  readonly stride: number;
}

function coefficients(sourceSize: number, targetSize: number, kernel: Kernel): Coefficients {
  const scale = sourceSize / targetSize;
  const filterScale = Math.max(scale, 1);
  const support = kernel.support * filterScale;
  const stride = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(targetSize);
  const count = new Int32Array(targetSize);
  const weights = new Int32Array(targetSize * stride);
  const exact = new Float64Array(stride);
  for (let target = 0; target < targetSize; target += 1) {
    const center = (target + 0.5) * scale;
    const low = Math.max(0, Math.trunc(center - support + 0.5));
    const high = Math.min(sourceSize, Math.trunc(center + support + 0.5));
    let sum = 0;
    for (let i = 0; i < high - low; i += 1) {
      const weight = kernel.weight((i + low - center + 0.5) * (1 / filterScale));
      exact[i] = weight;
      sum += weight;
    }
    for (let i = 0; i < high - low; i += 1) {
      const fixed = ((exact[i] ?? 0) / sum) * (1 << precisionBits);
      weights[target * stride + i] = Math.trunc(fixed < 0 ? fixed - 0.5 : fixed + 0.5);
    }
    first[target] = low;
    count[target] = high - low;
  }
  return { first, count, weights, stride };
}

const lowest = -640;
/** Saturation of a shifted sum by table, as Pillow does it: a lookup costs less than two branches. */
const saturated = Uint8ClampedArray.from({ length: 1920 }, (_, i) => i + lowest);

function resampleRows(
  source: Uint8Array,
  sourceWidth: number,
  rows: number,
  channels: number,
  targetWidth: number,
  { first, count, weights, stride }: Coefficients,
): Uint8Array {
  const target = new Uint8Array(targetWidth * rows * channels);
  const sourceStride = sourceWidth * channels;
  const targetStride = targetWidth * channels;
  for (let y = 0; y < rows; y += 1) {
    const rowStart = y * sourceStride;
    let out = y * targetStride;
    for (let x = 0; x < targetWidth; x += 1) {
      const taps = count[x] ?? 0;
      const w = x * stride;
      let at = rowStart + (first[x] ?? 0) * channels;
      if (channels === 3) {
        let r = half;
        let g = half;
        let b = half;
        for (let i = 0; i < taps; i += 1) {
          const weight = weights[w + i] ?? 0;
          r = (r + Math.imul(source[at] ?? 0, weight)) | 0;
          g = (g + Math.imul(source[at + 1] ?? 0, weight)) | 0;
          b = (b + Math.imul(source[at + 2] ?? 0, weight)) | 0;
          at += 3;
        }
        target[out] = saturated[(r >> precisionBits) - lowest] ?? 0;
        target[out + 1] = saturated[(g >> precisionBits) - lowest] ?? 0;
        target[out + 2] = saturated[(b >> precisionBits) - lowest] ?? 0;
        out += 3;
        continue;
      }
      for (let c = 0; c < channels; c += 1) {
        let sum = half;
        for (let i = 0; i < taps; i += 1) {
          const value = source[at + i * channels + c] ?? 0;
          sum = (sum + Math.imul(value, weights[w + i] ?? 0)) | 0;
        }
        target[out] = saturated[(sum >> precisionBits) - lowest] ?? 0;
        out += 1;
      }
    }
  }
  return target;
}

function resampleColumns(
  source: Uint8Array,
  rowLength: number,
  targetHeight: number,
  { first, count, weights, stride }: Coefficients,
): Uint8Array {
  const target = new Uint8Array(rowLength * targetHeight);
  const sums = new Int32Array(rowLength);
  for (let y = 0; y < targetHeight; y += 1) {
    sums.fill(half);
    const taps = count[y] ?? 0;
    for (let i = 0; i < taps; i += 1) {
      const weight = weights[y * stride + i] ?? 0;
      const row = ((first[y] ?? 0) + i) * rowLength;
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

/** @param width and @param height of the result, in pixels, at least 1 */
export function resamplePillow(
  image: PixelImage,
  width: number,
  height: number,
  filter: PillowFilter,
): PixelImage {
  const kernel = kernels[filter];
  const { channels } = image;
  let { data } = image;
  if (width !== image.width) {
    const horizontal = coefficients(image.width, width, kernel);
    data = resampleRows(data, image.width, image.height, channels, width, horizontal);
  }
  if (height !== image.height) {
    const vertical = coefficients(image.height, height, kernel);
    data = resampleColumns(data, width * channels, height, vertical);
  }
  return { width, height, channels, data };
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
