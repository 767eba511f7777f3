import * as v from 'valibot';
import { expect, test } from 'vitest';
import { golden, image, loadModel } from '../../test/tasks/support/models.ts';

const box = v.object({ xmin: v.number(), ymin: v.number(), xmax: v.number(), ymax: v.number() });
const goldenSchema = v.record(v.string(), v.array(v.object({ score: v.number(), box })));

test.each(['grace-hopper.jpg', 'pair.jpg'])(
  'the faces on %s are where MediaPipe finds them',
  async (file) => {
    const { predict } = await loadModel('face-detector');
    const expected =
      (await golden('examples/object-detection/golden.json', goldenSchema))[file] ?? [];
    const [prediction] = await predict(await image(`examples/object-detection/${file}`));
    const detections = prediction?.type === 'detections' ? prediction.detections : [];
    expect(detections).toHaveLength(expected.length);
    for (const [index, detection] of detections.entries()) {
      expect(detection.label).toBe('face');
      expect(detection.score).toBeCloseTo(expected[index]?.score ?? 0, 3);
      for (const side of ['xmin', 'ymin', 'xmax', 'ymax'] as const) {
        expect(Math.abs(detection.box[side] - (expected[index]?.box[side] ?? 0))).toBeLessThan(0.1);
      }
    }
  },
);
