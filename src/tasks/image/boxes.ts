import type { TaskOf } from '../../models/task-configuration.ts';
import { sigmoid } from '../labels.ts';
import type { Candidate } from './nms.ts';

type Configuration = TaskOf<'object-detection'>;

/** One picture's raw outputs, each [boxes, values] or its transpose. */
export interface RawDetections {
  readonly boxes: Float32Array;
  readonly scores: Float32Array;
  /** Class numbers, where the model gives them. */
  readonly classes: Float32Array | undefined;
  /** Boxes that there are. */
  readonly count: number;
  /** Values a box in `boxes` and in `scores`. */
  readonly boxValues: number;
  readonly scoreValues: number;
  /** The tensor's size in pixels. */
  readonly width: number;
  readonly height: number;
}

/** Centres of all anchors in pixels, x and y in turn: row by row of each layer, as MediaPipe's SsdAnchorsCalculator lays them. */
export function anchorCenters(
  anchors: NonNullable<Configuration['anchors']>,
  width: number,
  height: number,
): Float32Array {
  const centers: number[] = [];
  for (const [layer, stride] of anchors.strides.entries()) {
    for (let y = 0; y < Math.ceil(height / stride); y += 1) {
      for (let x = 0; x < Math.ceil(width / stride); x += 1) {
        for (let i = 0; i < (anchors.anchorsPerPoint[layer] ?? 1); i += 1) {
          centers.push((x + 0.5) * stride, (y + 0.5) * stride);
        }
      }
    }
  }
  return Float32Array.from(centers);
}

/**
 * Boxes with at least the threshold's score, best first, in pixels of the tensor.
 *
 * @param centers of the anchors where the configuration has some
 */
export function decodeBoxes(
  raw: RawDetections,
  configuration: Configuration,
  centers: Float32Array | undefined,
  threshold: number,
): Candidate[] {
  const read = reader(raw, configuration);
  const found: Candidate[] = [];
  for (let box = 0; box < raw.count; box += 1) {
    const best = bestClass(raw, configuration, read, box);
    if (!(best.score >= threshold)) continue;
    const corners = boxCorners(raw, configuration, read, box, centers);
    if (corners.every(Number.isFinite)) {
      const [xmin, ymin, xmax, ymax] = corners;
      found.push({ ...best, xmin, ymin, xmax, ymax });
    }
  }
  return found.sort((a, b) => b.score - a.score);
}

interface Reader {
  box(index: number, value: number): number;
  score(index: number, value: number): number;
  /** Classes in the scores, the background included. */
  readonly classes: number;
}

function reader(raw: RawDetections, configuration: Configuration): Reader {
  const combined = configuration.boxes === configuration.scores;
  const skipped = combined ? 4 + (configuration.objectness ? 1 : 0) : 0;
  const at =
    configuration.arrangement === 'rows'
      ? (data: Float32Array, values: number, index: number, value: number) =>
          data[index * values + value] ?? 0
      : (data: Float32Array, _: number, index: number, value: number) =>
          data[value * raw.count + index] ?? 0;
  const objectness =
    combined && configuration.objectness
      ? (index: number) => at(raw.boxes, raw.boxValues, index, 4)
      : () => 1;
  return {
    box: (index, value) => at(raw.boxes, raw.boxValues, index, value),
    score: (index, value) =>
      objectness(index) * at(raw.scores, raw.scoreValues, index, skipped + value),
    classes: raw.scoreValues - skipped,
  };
}

/** The best class that is not the background, its index counted without it. */
function bestClass(
  raw: RawDetections,
  { activation, background }: Configuration,
  read: Reader,
  box: number,
): { readonly classIndex: number; readonly score: number } {
  const from = background === 'first' ? 1 : 0;
  const to = background === 'last' ? read.classes - 1 : read.classes;
  let classIndex = from;
  let highest = Number.NEGATIVE_INFINITY;
  for (let index = from; index < to; index += 1) {
    const value = read.score(box, index);
    if (value > highest) {
      highest = value;
      classIndex = index;
    }
  }
  let score = activation === 'sigmoid' ? sigmoid(highest) : highest;
  if (activation === 'softmax') {
    let sum = 0;
    for (let index = 0; index < read.classes; index += 1) {
      sum += Math.exp(read.score(box, index) - highest);
    }
    score = 1 / sum;
  }
  const named = raw.classes?.[box];
  return { classIndex: named === undefined ? classIndex - from : Math.round(named), score };
}

function boxCorners(
  raw: RawDetections,
  { boxFormat, coordinates }: Configuration,
  read: Reader,
  box: number,
  centers: Float32Array | undefined,
): readonly [number, number, number, number] {
  const [a, b, c, d] = [read.box(box, 0), read.box(box, 1), read.box(box, 2), read.box(box, 3)];
  const scaleX = coordinates === 'fraction' && centers === undefined ? raw.width : 1;
  const scaleY = coordinates === 'fraction' && centers === undefined ? raw.height : 1;
  switch (boxFormat) {
    case 'xyxy':
      return [a * scaleX, b * scaleY, c * scaleX, d * scaleY];
    case 'yxyx':
      return [b * scaleX, a * scaleY, d * scaleX, c * scaleY];
    case 'xywh':
      return [a * scaleX, b * scaleY, (a + c) * scaleX, (b + d) * scaleY];
    case 'cxcywh': {
      const x = a * scaleX + (centers?.[2 * box] ?? 0);
      const y = b * scaleY + (centers?.[2 * box + 1] ?? 0);
      const halfWidth = (c * scaleX) / 2;
      const halfHeight = (d * scaleY) / 2;
      return [x - halfWidth, y - halfHeight, x + halfWidth, y + halfHeight];
    }
  }
}
