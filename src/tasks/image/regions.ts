import type { Point } from '../predictor.ts';

/** A rectangle at any angle: its corners in order around it, and its sides. */
export interface TurnedRectangle {
  readonly corners: readonly [Point, Point, Point, Point];
  readonly width: number;
  readonly height: number;
}

/**
 * Connected regions (eight neighbours) of the pixels above the threshold. Each is given by the first and last pixel of
 * its rows, which is all that its convex hull needs.
 *
 * @param map [height, width]
 * @param limit regions at most, from the top
 */
export function connectedRegions(
  map: Float32Array,
  width: number,
  height: number,
  threshold: number,
  limit: number,
): Point[][] {
  const seen = new Uint8Array(map.length);
  const regions: Point[][] = [];
  // Every pixel enters the stack at most once.
  const stack = new Int32Array(map.length);
  for (let start = 0; start < map.length && regions.length < limit; start += 1) {
    if (seen[start] === 1 || !((map[start] ?? 0) > threshold)) continue;
    const spans = new Map<number, { low: number; high: number }>();
    let depth = 1;
    stack[0] = start;
    seen[start] = 1;
    while (depth > 0) {
      depth -= 1;
      const at = stack[depth] ?? 0;
      const x = at % width;
      const y = (at - x) / width;
      const span = spans.get(y);
      if (span === undefined) spans.set(y, { low: x, high: x });
      else if (x < span.low) span.low = x;
      else if (x > span.high) span.high = x;
      for (let ny = Math.max(0, y - 1); ny <= Math.min(height - 1, y + 1); ny += 1) {
        for (let nx = Math.max(0, x - 1); nx <= Math.min(width - 1, x + 1); nx += 1) {
          const next = ny * width + nx;
          if (seen[next] === 1 || !((map[next] ?? 0) > threshold)) continue;
          seen[next] = 1;
          stack[depth] = next;
          depth += 1;
        }
      }
    }
    regions.push(
      [...spans].flatMap(([y, { low, high }]): Point[] => [
        [low, y],
        [high, y],
      ]),
    );
  }
  return regions;
}

/** Convex hull, counter-clockwise as seen with y downwards reversed (Andrew's monotone chain). */
export function convexHull(points: readonly Point[]): Point[] {
  const sorted = points.toSorted((a, b) => a[0] - b[0] || a[1] - b[1]);
  const half = (ordered: readonly Point[]): Point[] => {
    const chain: Point[] = [];
    for (const point of ordered) {
      for (;;) {
        const [before, last] = [chain.at(-2), chain.at(-1)];
        if (before === undefined || last === undefined || turn(before, last, point) > 0) break;
        chain.pop();
      }
      chain.push(point);
    }
    return chain.slice(0, -1);
  };
  if (sorted.length < 3) return sorted;
  return [...half(sorted), ...half(sorted.toReversed())];
}

function turn(a: Point, b: Point, c: Point): number {
  return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
}

/** The rectangle of the smallest area around the points: one of its sides lies along a side of their hull. */
export function smallestRectangle(points: readonly Point[]): TurnedRectangle {
  const hull = convexHull(points);
  const [only] = hull;
  if (only === undefined) throw new RangeError('smallestRectangle needs a point');
  let best: { area: number; rectangle: TurnedRectangle } | undefined;
  for (const [index, from] of hull.entries()) {
    const to = hull[(index + 1) % hull.length] ?? from;
    const length = Math.hypot(to[0] - from[0], to[1] - from[1]);
    const along: Point =
      length === 0 ? [1, 0] : [(to[0] - from[0]) / length, (to[1] - from[1]) / length];
    const rectangle = around(hull, along);
    const area = rectangle.width * rectangle.height;
    if (best === undefined || area < best.area) best = { area, rectangle };
  }
  return best?.rectangle ?? around(hull, [1, 0]);
}

/** The rectangle around the points whose sides lie along a direction of length 1. */
function around(points: readonly Point[], [dx, dy]: Point): TurnedRectangle {
  const u = points.map(([x, y]) => x * dx + y * dy);
  const v = points.map(([x, y]) => y * dx - x * dy);
  const [lowU, highU] = [Math.min(...u), Math.max(...u)];
  const [lowV, highV] = [Math.min(...v), Math.max(...v)];
  const at = (a: number, b: number): Point => [a * dx - b * dy, a * dy + b * dx];
  return {
    corners: [at(lowU, lowV), at(highU, lowV), at(highU, highV), at(lowU, highV)],
    width: highU - lowU,
    height: highV - lowV,
  };
}

/** Corners from the top left on, clockwise: of the two left ones the upper is first, as PaddleOCR's get_mini_boxes has it. */
export function fromTopLeft(corners: TurnedRectangle['corners']): TurnedRectangle['corners'] {
  const [a, b, c, d] = corners.toSorted((left, right) => left[0] - right[0]);
  if (a === undefined || b === undefined || c === undefined || d === undefined) return corners;
  const [topLeft, bottomLeft] = b[1] > a[1] ? [a, b] : [b, a];
  const [topRight, bottomRight] = d[1] > c[1] ? [c, d] : [d, c];
  return [topLeft, topRight, bottomRight, bottomLeft];
}

/**
 * Mean of the map over the pixels of a convex quadrilateral, its outline included.
 *
 * @param corners clockwise with y downwards
 */
export function meanInside(
  map: Float32Array,
  width: number,
  height: number,
  corners: TurnedRectangle['corners'],
): number {
  const clamp = (value: number, highest: number) => Math.min(Math.max(value, 0), highest);
  const xs = corners.map(([x]) => x);
  const ys = corners.map(([, y]) => y);
  const left = clamp(Math.floor(Math.min(...xs)), width - 1);
  const right = clamp(Math.ceil(Math.max(...xs)), width - 1);
  const top = clamp(Math.floor(Math.min(...ys)), height - 1);
  const bottom = clamp(Math.ceil(Math.max(...ys)), height - 1);
  // Whole pixels, as the reference fills its mask.
  const whole = corners.map(
    ([x, y]): Point => [Math.trunc(x - left) + left, Math.trunc(y - top) + top],
  );
  let sum = 0;
  let count = 0;
  for (let y = top; y <= bottom; y += 1) {
    const span = crossing(whole, y);
    if (span === undefined) continue;
    for (let x = Math.max(left, span[0]); x <= Math.min(right, span[1]); x += 1) {
      sum += map[y * width + x] ?? 0;
      count += 1;
    }
  }
  return count === 0 ? 0 : sum / count;
}

/** First and last pixel of the row inside a convex polygon. */
function crossing(corners: readonly Point[], y: number): [number, number] | undefined {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const [index, from] of corners.entries()) {
    const to = corners[(index + 1) % corners.length] ?? from;
    if (Math.min(from[1], to[1]) > y || Math.max(from[1], to[1]) < y) continue;
    const ends =
      from[1] === to[1]
        ? [from[0], to[0]]
        : [from[0] + ((y - from[1]) * (to[0] - from[0])) / (to[1] - from[1])];
    for (const x of ends) {
      low = Math.min(low, Math.round(x));
      high = Math.max(high, Math.round(x));
    }
  }
  return low > high ? undefined : [low, high];
}
