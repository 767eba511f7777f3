/** Filters of Pillow's resampling, by the names that Pillow has for them. */
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
export const precisionBits = 22;

/** For each target position: the first source position, how many, and their weights in fixed point. */
export interface Coefficients {
  readonly first: Int32Array;
  readonly count: Int32Array;
  readonly weights: Int32Array;
  /** Weights kept for each position. */
  readonly stride: number;
  /** Source positions that any of them needs: from the first one, up to and without the second. */
  readonly needs: readonly [number, number];
}

/**
 * Weights of a filter along one direction (precompute_coeffs and normalize_coeffs_8bpc of Pillow's Resample.c).
 *
 * @param from the first target position wanted, and how many of them in `length`
 */
export function coefficients(
  sourceSize: number,
  targetSize: number,
  filter: PillowFilter,
  from: number,
  length: number,
): Coefficients {
  const kernel = kernels[filter];
  const scale = sourceSize / targetSize;
  const filterScale = Math.max(scale, 1);
  const support = kernel.support * filterScale;
  const stride = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(length);
  const count = new Int32Array(length);
  const weights = new Int32Array(length * stride);
  const exact = new Float64Array(stride);
  let needed = 0;
  for (let target = 0; target < length; target += 1) {
    const center = (target + from + 0.5) * scale;
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
    needed = Math.max(needed, high);
  }
  return { first, count, weights, stride, needs: [first[0] ?? 0, needed] };
}
