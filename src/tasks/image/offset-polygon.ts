import type { Point } from '../predictor.ts';

/** Rounds halves away from 0, as Clipper does. */
function round(value: number): number {
  return value < 0 ? Math.ceil(value - 0.5) : Math.floor(value + 0.5);
}

/** How far an arc's chord may be from it, in pixels (pyclipper's default). */
const arcTolerance = 0.25;

/**
 * A convex polygon moved outwards by `distance`, its corners rounded and its points whole: the offset of the Clipper
 * library (clipper.cpp 6.4, ClipperOffset with round joins), by whose points PaddleOCR measures its boxes.
 *
 * @param corners whole pixels, clockwise with y downwards
 * @param distance in pixels, above 0
 */
export function offsetPolygon(corners: readonly Point[], distance: number): Point[] {
  const apart = corners.filter((point, index) => {
    const before = corners.at(index - 1);
    return before === undefined || before[0] !== point[0] || before[1] !== point[1];
  });
  const normals = apart.map((from, index): Point => {
    const to = apart[(index + 1) % apart.length] ?? from;
    const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
    const length = Math.hypot(dx, dy);
    return length === 0 ? [0, 0] : [dy / length, -dx / length];
  });
  const tolerance = Math.min(arcTolerance, distance * 0.25);
  const stepsInCircle = Math.min(Math.PI / Math.acos(1 - tolerance / distance), distance * Math.PI);
  const sine = Math.sin((2 * Math.PI) / stepsInCircle);
  const cosine = Math.cos((2 * Math.PI) / stepsInCircle);

  return apart.flatMap((point, index): Point[] => {
    const before = normals.at(index - 1) ?? [0, 0];
    const after = normals[index] ?? [0, 0];
    const moved = ([x, y]: Point): Point => [
      round(point[0] + x * distance),
      round(point[1] + y * distance),
    ];
    const turn = before[0] * after[1] - after[0] * before[1];
    const straight = before[0] * after[0] + before[1] * after[1];
    if (Math.abs(turn * distance) < 1 && straight > 0) return [moved(before)];
    const angle = Math.atan2(Math.min(Math.max(turn, -1), 1), straight);
    const steps = Math.max(1, round((stepsInCircle / (2 * Math.PI)) * Math.abs(angle)));
    const arc: Point[] = [];
    let [x, y] = before;
    for (let step = 0; step < steps; step += 1) {
      arc.push(moved([x, y]));
      [x, y] = [x * cosine - sine * y, x * sine + y * cosine];
    }
    return [...arc, moved(after)];
  });
}
