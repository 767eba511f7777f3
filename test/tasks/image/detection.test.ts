import fc from 'fast-check';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { objectDetectionSchema } from '../../../src/models/task/object-detection.ts';
import type { TensorMetadata } from '../../../src/protocol/tensor.ts';
import { createPredictor } from '../../../src/tasks/create.ts';
import { type Candidate, intersectionOverUnion, suppress } from '../../../src/tasks/image/nms.ts';
import { type Detection, defaultParameters } from '../../../src/tasks/predictor.ts';
import { decoders } from '../support/models.ts';

/** Raw outputs of a model, by name. */
type Outputs = Readonly<Record<string, { readonly shape: number[]; readonly data: number[] }>>;

/** What a detector makes of these outputs for a picture of 200 by 100, letterboxed into 100 by 100. */
async function detect(task: object, outputs: Outputs): Promise<readonly Detection[]> {
  const configuration = v.parse(objectDetectionSchema, {
    type: 'object-detection',
    image: { resize: { mode: 'contain', width: 100, height: 100 } },
    activation: 'none',
    labels: ['cat', 'dog'],
    ...task,
  });
  const metadata = Object.entries(outputs).map(
    ([name, { shape }]): TensorMetadata => ({ name, datatype: 'FP32', shape }),
  );
  const predictor = await createPredictor(
    configuration,
    {
      name: 'm',
      inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 3, 100, 100] }],
      outputs: metadata,
      labels: [],
      readFile: async () => undefined,
    },
    decoders,
  );
  const image = { width: 200, height: 100, channels: 3, data: new Uint8Array(60_000) } as const;
  const [prediction] = await predictor.predict([{ kind: 'pixels', image }], defaultParameters, {
    maxBatchSize: 1,
    run: async (_feeds, names) =>
      names.map((name) => ({
        name,
        datatype: 'FP32',
        shape: outputs[name]?.shape ?? [],
        data: Float32Array.from(outputs[name]?.data ?? []),
      })),
    withModel: () => Promise.reject(new Error('no other models')),
  });
  return prediction?.type === 'detections' ? prediction.detections : [];
}

// The picture covers rows 25 to 75 of the tensor at half its size: a box [20, 35, 60, 65] there is [40, 20, 120, 80].
const cat = {
  label: 'cat',
  score: expect.closeTo(0.9, 5),
  box: {
    xmin: expect.closeTo(40, 3),
    ymin: expect.closeTo(20, 3),
    xmax: expect.closeTo(120, 3),
    ymax: expect.closeTo(80, 3),
  },
};
const logit = (probability: number) => Math.log(probability / (1 - probability));

describe('boxes come out the same, however the model says them', () => {
  test('corners in fractions, scores a class', async () => {
    const outputs = {
      boxes: { shape: [1, 2, 4], data: [0.2, 0.35, 0.6, 0.65, 0, 0, 1, 1] },
      scores: { shape: [1, 2, 2], data: [0.9, 0.1, 0.2, 0.3] },
    };
    expect(await detect({ boxes: 'boxes', scores: 'scores' }, outputs)).toEqual([cat]);
  });

  test('TensorFlow’s: y before x, the best score and its class apart', async () => {
    const outputs = {
      boxes: { shape: [1, 1, 4], data: [0.35, 0.2, 0.65, 0.6] },
      scores: { shape: [1, 1], data: [0.9] },
      classes: { shape: [1, 1], data: [0] },
    };
    const task = { boxes: 'boxes', scores: 'scores', classes: 'classes', boxFormat: 'yxyx' };
    expect(await detect(task, outputs)).toEqual([cat]);
  });

  test('UltraFace’s: a background class first', async () => {
    const outputs = {
      boxes: { shape: [1, 1, 4], data: [0.2, 0.35, 0.6, 0.65] },
      scores: { shape: [1, 1, 3], data: [0.1, 0.9, 0] },
    };
    const task = { boxes: 'boxes', scores: 'scores', background: 'first' };
    expect(await detect(task, outputs)).toEqual([cat]);
  });

  test('DETR’s: centres in fractions, softmax, no object last', async () => {
    const outputs = {
      pred_boxes: { shape: [1, 2, 4], data: [0.4, 0.5, 0.4, 0.3, 0.5, 0.5, 1, 1] },
      logits: {
        shape: [1, 2, 3],
        data: [Math.log(0.9), Math.log(0.06), Math.log(0.04), 0, 0, 9],
      },
    };
    const task = {
      boxes: 'pred_boxes',
      scores: 'logits',
      boxFormat: 'cxcywh',
      activation: 'softmax',
      background: 'last',
    };
    expect(await detect(task, outputs)).toEqual([cat]);
  });

  test('YOLOv8’s: one output of columns, centres in pixels', async () => {
    const columns = [
      [40, 50, 40, 30, 0.9, 0.1],
      [41, 51, 40, 30, 0.7, 0.1],
      [80, 80, 9, 9, 0.1, 0.2],
    ];
    const data = [0, 1, 2, 3, 4, 5].flatMap((value) => columns.map((column) => column[value] ?? 0));
    const task = {
      boxes: 'output0',
      scores: 'output0',
      arrangement: 'columns',
      boxFormat: 'cxcywh',
      coordinates: 'pixels',
      nms: { iouThreshold: 0.5 },
    };
    expect(await detect(task, { output0: { shape: [1, 6, 3], data } })).toEqual([cat]);
  });

  test('YOLOv5’s: one output of rows with an objectness', async () => {
    const data = [40, 50, 40, 30, 0.95, 0.9 / 0.95, 0, 40, 50, 40, 30, 0.1, 1, 0];
    const task = {
      boxes: 'output',
      scores: 'output',
      objectness: true,
      boxFormat: 'cxcywh',
      coordinates: 'pixels',
    };
    expect(await detect(task, { output: { shape: [1, 2, 7], data } })).toEqual([cat]);
  });

  test('anchors’: distances from points of a grid', async () => {
    // Strides of 50 and 100 pixels: four points, then one.
    const boxes = [15, 25, 40, 30, ...Array(16).fill(0)];
    const scores = [logit(0.9), -9, -9, -9, -9];
    const task = {
      boxes: 'regressors',
      scores: 'classificators',
      labels: ['cat'],
      anchors: { strides: [50, 100], anchorsPerPoint: [1, 1] },
      boxFormat: 'cxcywh',
      activation: 'sigmoid',
    };
    const outputs = {
      regressors: { shape: [1, 5, 4], data: boxes },
      classificators: { shape: [1, 5, 1], data: scores },
    };
    expect(await detect(task, outputs)).toEqual([cat]);
  });

  test('boxes that are no numbers are left out', async () => {
    const outputs = {
      boxes: { shape: [1, 2, 4], data: [0.2, 0.35, 0.6, 0.65, Number.NaN, 0, 1, 1] },
      scores: { shape: [1, 2, 2], data: [0.9, 0.1, 0.95, 0] },
    };
    expect(await detect({ boxes: 'boxes', scores: 'scores' }, outputs)).toEqual([cat]);
  });
});

describe('non-maximum suppression', () => {
  const side = fc.integer({ min: 0, max: 40 });
  const candidate = fc.record({
    classIndex: fc.integer({ min: 0, max: 1 }),
    score: fc.double({ min: 0, max: 1, noNaN: true }),
    xmin: side,
    ymin: side,
    width: fc.integer({ min: 1, max: 20 }),
    height: fc.integer({ min: 1, max: 20 }),
  });
  const candidates = fc.array(candidate, { maxLength: 40 }).map((list) =>
    list
      .map(
        ({ width, height, ...box }): Candidate => ({
          ...box,
          xmax: box.xmin + width,
          ymax: box.ymin + height,
        }),
      )
      .sort((a, b) => b.score - a.score),
  );

  test('keeps the best, and of every other box that it drops a better one that overlaps', () => {
    fc.assert(
      fc.property(candidates, fc.boolean(), (list, classAgnostic) => {
        const options = { iouThreshold: 0.4, classAgnostic, method: 'hard' } as const;
        const kept = suppress(list, options, list.length + 1);
        const related = (a: Candidate, b: Candidate) =>
          (classAgnostic || a.classIndex === b.classIndex) && intersectionOverUnion(a, b) > 0.4;
        for (const [index, one] of kept.entries()) {
          expect(kept.slice(0, index).some((better) => related(better, one))).toBe(false);
        }
        for (const box of list.filter((one) => !kept.includes(one))) {
          expect(kept.some((better) => better.score >= box.score && related(better, box))).toBe(
            true,
          );
        }
      }),
    );
  });

  test('a weighted box lies within those that it stands for', () => {
    fc.assert(
      fc.property(candidates, (list) => {
        const options = { iouThreshold: 0.4, classAgnostic: false, method: 'weighted' } as const;
        for (const box of suppress(list, options, 100)) {
          expect(Math.min(...list.map((one) => one.xmin))).toBeLessThanOrEqual(box.xmin + 1e-9);
          expect(Math.max(...list.map((one) => one.xmax))).toBeGreaterThanOrEqual(box.xmax - 1e-9);
        }
      }),
    );
  });
});
