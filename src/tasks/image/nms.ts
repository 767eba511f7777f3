/** A candidate box before suppression, in pixels of any picture. */
export interface Candidate {
  readonly classIndex: number;
  readonly score: number;
  readonly xmin: number;
  readonly ymin: number;
  readonly xmax: number;
  readonly ymax: number;
}

/** Intersection over union of two boxes; 0 when neither has an area. */
export function intersectionOverUnion(a: Candidate, b: Candidate): number {
  const width = Math.min(a.xmax, b.xmax) - Math.max(a.xmin, b.xmin);
  const height = Math.min(a.ymax, b.ymax) - Math.max(a.ymin, b.ymin);
  if (width <= 0 || height <= 0) return 0;
  const shared = width * height;
  return shared / (area(a) + area(b) - shared);
}

function area(box: Candidate): number {
  return (box.xmax - box.xmin) * (box.ymax - box.ymin);
}

export interface NmsOptions {
  readonly iouThreshold: number;
  readonly classAgnostic: boolean;
  readonly method: 'hard' | 'weighted';
}

/**
 * Non-maximum suppression: of boxes that overlap by more than the threshold, the best one stays.
 *
 * @param candidates best first
 * @param limit boxes to keep at most, which also bounds the time to limit * candidates
 * @returns kept boxes, best first
 */
export function suppress(
  candidates: readonly Candidate[],
  options: NmsOptions,
  limit: number,
): Candidate[] {
  const kept: Candidate[] = [];
  let left = candidates;
  while (kept.length < limit) {
    const [best] = left;
    if (best === undefined) break;
    const suppressed: Candidate[] = [best];
    const rest: Candidate[] = [];
    for (const other of left.slice(1)) {
      const comparable = options.classAgnostic || other.classIndex === best.classIndex;
      const overlaps = comparable && intersectionOverUnion(best, other) > options.iouThreshold;
      (overlaps ? suppressed : rest).push(other);
    }
    kept.push(options.method === 'weighted' ? weightedMean(best, suppressed) : best);
    left = rest;
  }
  return kept;
}

/** MediaPipe's weighted suppression: the mean of the boxes by their scores, with the score of the best. */
function weightedMean(best: Candidate, boxes: readonly Candidate[]): Candidate {
  const mean = { xmin: 0, ymin: 0, xmax: 0, ymax: 0 };
  let total = 0;
  for (const box of boxes) {
    mean.xmin += box.xmin * box.score;
    mean.ymin += box.ymin * box.score;
    mean.xmax += box.xmax * box.score;
    mean.ymax += box.ymax * box.score;
    total += box.score;
  }
  if (total === 0) return best;
  return {
    classIndex: best.classIndex,
    score: best.score,
    xmin: mean.xmin / total,
    ymin: mean.ymin / total,
    xmax: mean.xmax / total,
    ymax: mean.ymax / total,
  };
}
