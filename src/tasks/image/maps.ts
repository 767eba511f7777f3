import type { Activation } from '../../models/task/common.ts';
import { activate } from '../labels.ts';
import type { Geometry } from './geometry.ts';

/** Scores of each class at each place of a grid that covers the tensor. */
export interface ScoreMap {
  readonly data: Float32Array;
  readonly classes: number;
  readonly width: number;
  readonly height: number;
  /** [classes, height, width], else [height, width, classes]. */
  readonly planes: boolean;
}

/** For each pixel of the source along one axis: two neighbours on the grid and the weight of the second. */
interface Neighbours {
  readonly first: Int32Array;
  readonly second: Int32Array;
  readonly weight: Float32Array;
}

function neighbours(
  sourceSize: number,
  resizedSize: number,
  offset: number,
  tensorSize: number,
  gridSize: number,
): Neighbours {
  const first = new Int32Array(sourceSize);
  const second = new Int32Array(sourceSize);
  const weight = new Float32Array(sourceSize);
  for (let i = 0; i < sourceSize; i += 1) {
    const inTensor = ((i + 0.5) * resizedSize) / sourceSize + offset;
    const position = (inTensor * gridSize) / tensorSize - 0.5;
    const clamped = Math.min(Math.max(position, 0), gridSize - 1);
    first[i] = Math.floor(clamped);
    second[i] = Math.min(Math.floor(clamped) + 1, gridSize - 1);
    weight[i] = clamped - Math.floor(clamped);
  }
  return { first, second, weight };
}

function axes(map: ScoreMap, geometry: Geometry): { x: Neighbours; y: Neighbours } {
  return {
    x: neighbours(
      geometry.sourceWidth,
      geometry.width,
      geometry.left,
      geometry.tensorWidth,
      map.width,
    ),
    y: neighbours(
      geometry.sourceHeight,
      geometry.height,
      geometry.top,
      geometry.tensorHeight,
      map.height,
    ),
  };
}

/** One class's scores at each pixel of the source, interpolated bilinearly (middles of pixels aligned). */
export function scaleMap(map: ScoreMap, geometry: Geometry): Float32Array {
  const { sourceWidth, sourceHeight } = geometry;
  const { x, y } = axes(map, geometry);
  const scaled = new Float32Array(sourceWidth * sourceHeight);
  const row = new Float32Array(map.width);
  for (let sy = 0; sy < sourceHeight; sy += 1) {
    const top = (y.first[sy] ?? 0) * map.width;
    const bottom = (y.second[sy] ?? 0) * map.width;
    const down = y.weight[sy] ?? 0;
    for (let i = 0; i < map.width; i += 1) {
      const above = map.data[top + i] ?? 0;
      row[i] = above + ((map.data[bottom + i] ?? 0) - above) * down;
    }
    const out = sy * sourceWidth;
    for (let sx = 0; sx < sourceWidth; sx += 1) {
      const left = row[x.first[sx] ?? 0] ?? 0;
      const right = row[x.second[sx] ?? 0] ?? 0;
      scaled[out + sx] = left + (right - left) * (x.weight[sx] ?? 0);
    }
  }
  return scaled;
}

/**
 * The best class of each pixel of the source (raw outputs interpolated first, as Hugging Face's
 * post_process_semantic_segmentation does), and the mean score of each class over the grid's places where it is best.
 */
export function classMap(
  map: ScoreMap,
  geometry: Geometry,
  activation: Activation,
): { readonly indices: Uint16Array; readonly means: ReadonlyMap<number, number> } {
  const { sourceWidth, sourceHeight } = geometry;
  const { x, y } = axes(map, geometry);
  const indices = new Uint16Array(sourceWidth * sourceHeight);
  const size = map.width * map.height;
  const classStep = map.planes ? size : 1;
  const placeStep = map.planes ? 1 : map.classes;
  const best = new Float32Array(sourceWidth);
  for (let sy = 0; sy < sourceHeight; sy += 1) {
    best.fill(Number.NEGATIVE_INFINITY);
    const top = (y.first[sy] ?? 0) * map.width * placeStep;
    const bottom = (y.second[sy] ?? 0) * map.width * placeStep;
    const down = y.weight[sy] ?? 0;
    const out = sy * sourceWidth;
    for (let index = 0; index < map.classes; index += 1) {
      const start = index * classStep;
      for (let sx = 0; sx < sourceWidth; sx += 1) {
        const left = start + (x.first[sx] ?? 0) * placeStep;
        const right = start + (x.second[sx] ?? 0) * placeStep;
        const across = x.weight[sx] ?? 0;
        const a = map.data[top + left] ?? 0;
        const b = map.data[bottom + left] ?? 0;
        const upper = a + ((map.data[top + right] ?? 0) - a) * across;
        const lower = b + ((map.data[bottom + right] ?? 0) - b) * across;
        const value = upper + (lower - upper) * down;
        if (value > (best[sx] ?? 0)) {
          best[sx] = value;
          indices[out + sx] = index;
        }
      }
    }
  }
  return { indices, means: meanScores(map, activation, classStep, placeStep) };
}

function meanScores(
  map: ScoreMap,
  activation: Activation,
  classStep: number,
  placeStep: number,
): Map<number, number> {
  const totals = new Map<number, { sum: number; places: number }>();
  const row = new Float32Array(map.classes);
  for (let place = 0; place < map.width * map.height; place += 1) {
    for (let index = 0; index < map.classes; index += 1) {
      row[index] = map.data[place * placeStep + index * classStep] ?? 0;
    }
    activate(row, activation);
    let highest = 0;
    for (let index = 1; index < row.length; index += 1) {
      if ((row[index] ?? 0) > (row[highest] ?? 0)) highest = index;
    }
    const total = totals.get(highest) ?? { sum: 0, places: 0 };
    total.sum += row[highest] ?? 0;
    total.places += 1;
    totals.set(highest, total);
  }
  return new Map([...totals].map(([index, { sum, places }]) => [index, sum / places]));
}
