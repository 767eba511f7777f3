import type { TaskOf } from '../../models/task-configuration.ts';
import { requireDimension, requireRank } from '../binding.ts';
import type { MediaDecoders } from '../ports.ts';
import type { Point, Predictor, TaskModel, TextRegion } from '../predictor.ts';
import { outputNamed, rowsOf } from '../tensors.ts';
import { type Geometry, roundHalfEven } from './geometry.ts';
import { offsetPolygon } from './offset-polygon.ts';
import { bindPicture, createPicturePredictor } from './picture-predictor.ts';
import { connectedRegions, fromTopLeft, meanInside, smallestRectangle } from './regions.ts';

type Configuration = TaskOf<'text-detection'>;

/** A picture in, the regions of its text lines out, in reading order. */
export async function createTextDetector(
  configuration: Configuration,
  model: TaskModel,
  decoders: MediaDecoders,
): Promise<Predictor> {
  const { input, output } = bindPicture(model, configuration);
  requireRank(model, 'output', output, [['rows', '1', 'height', 'width']]);
  requireDimension(model, 'output', output, 1, 1);

  return createPicturePredictor(configuration, model, decoders, {
    input,
    outputs: [output.name],
    answer(outputs, pictures, parameters) {
      const tensor = outputNamed(outputs, output.name);
      const [, , height = 0, width = 0] = tensor.shape;
      const rows = rowsOf(tensor, pictures.length);
      const threshold = parameters.threshold ?? configuration.threshold;
      return pictures.map(({ geometry }, index) => {
        const map = { data: rows[index] ?? new Float32Array(), width, height };
        return { type: 'regions', regions: findText(map, geometry, configuration, threshold) };
      });
    },
  });
}

export interface TextMap {
  /** Probability of text, [height, width]. */
  readonly data: Float32Array;
  readonly width: number;
  readonly height: number;
}

/** Sides in pixels of the map below which a region is noise (min_size of the reference). */
const smallestSide = 3;

/** Regions of a probability map as polygons of the picture that was sent (DBPostProcess of PaddleOCR, boxes, fast scores). */
export function findText(
  map: TextMap,
  geometry: Geometry,
  configuration: Pick<Configuration, 'pixelThreshold' | 'unclipRatio' | 'maxCandidates'>,
  threshold: number,
): TextRegion[] {
  const { data, width, height } = map;
  const found: TextRegion[] = [];
  const regions = connectedRegions(
    data,
    width,
    height,
    configuration.pixelThreshold,
    configuration.maxCandidates,
  );
  for (const points of regions) {
    const tight = smallestRectangle(points);
    if (Math.min(tight.width, tight.height) < smallestSide) continue;
    const corners = fromTopLeft(tight.corners);
    const score = meanInside(data, width, height, corners);
    if (score < threshold) continue;
    const perimeter = 2 * (tight.width + tight.height);
    const distance = (tight.width * tight.height * configuration.unclipRatio) / perimeter;
    // The reference offsets whole pixels.
    const whole = corners.map(([x, y]): Point => [Math.trunc(x), Math.trunc(y)]);
    const grown = smallestRectangle(offsetPolygon(whole, distance));
    if (Math.min(grown.width, grown.height) < smallestSide + 2) continue;
    const polygon = fromTopLeft(grown.corners).map((point) => toSource(point, map, geometry));
    const [a, b, c, d] = polygon;
    if (a === undefined || b === undefined || c === undefined || d === undefined) continue;
    if (Math.trunc(distanceBetween(a, b)) <= 3 || Math.trunc(distanceBetween(a, d)) <= 3) continue;
    found.push({ score, polygon: [a, b, c, d] });
  }
  return inReadingOrder(found);
}

/** A point of the map as a whole pixel of the picture that was sent, rounded in 32 bits as numpy does it. */
function toSource([x, y]: Point, map: TextMap, geometry: Geometry): Point {
  const { left, top, width, height, tensorWidth, tensorHeight } = geometry;
  const { sourceWidth, sourceHeight } = geometry;
  const whole = (at: number, size: number, scale: number, shift: number, highest: number) => {
    const value = Math.fround(Math.fround(Math.fround(at) / size) * scale) - shift;
    return Math.min(Math.max(roundHalfEven(value), 0), highest);
  };
  const scaleX = sourceWidth / width;
  const scaleY = sourceHeight / height;
  return [
    whole(x, map.width, tensorWidth * scaleX, left * scaleX, sourceWidth),
    whole(y, map.height, tensorHeight * scaleY, top * scaleY, sourceHeight),
  ];
}

function distanceBetween(a: Point, b: Point): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1]);
}

/** Top to bottom; regions whose tops are less than 10 pixels apart are one line, left to right (sorted_boxes of PaddleOCR). */
function inReadingOrder(regions: readonly TextRegion[]): TextRegion[] {
  const left = (region: TextRegion) => region.polygon[0][0];
  const top = (region: TextRegion) => region.polygon[0][1];
  const sorted = regions.toSorted((a, b) => top(a) - top(b) || left(a) - left(b));
  for (let end = 0; end < sorted.length - 1; end += 1) {
    for (let at = end; at >= 0; at -= 1) {
      const [upper, lower] = [sorted[at], sorted[at + 1]];
      if (upper === undefined || lower === undefined) break;
      if (Math.abs(top(lower) - top(upper)) >= 10 || left(lower) >= left(upper)) break;
      sorted[at] = lower;
      sorted[at + 1] = upper;
    }
  }
  return sorted;
}
