import * as v from 'valibot';
import { expect, test } from 'vitest';
import { imageSegmentationSchema } from '../../../src/models/task/image-tasks.ts';
import { createPredictor } from '../../../src/tasks/create.ts';
import { defaultParameters, type Segment } from '../../../src/tasks/predictor.ts';
import { drawMask } from '../../../src/tasks/wire/pictures.ts';
import { decoders } from '../support/models.ts';

/** Segments of an 8 by 4 picture, stretched to 4 by 4, by a model whose output is 2 by 2. */
async function segment(task: object, shape: number[], data: number[]): Promise<readonly Segment[]> {
  const configuration = v.parse(imageSegmentationSchema, {
    type: 'image-segmentation',
    image: { resize: { mode: 'exact', width: 4, height: 4 } },
    labels: ['sky', 'sea', 'land'],
    ...task,
  });
  const predictor = await createPredictor(
    configuration,
    {
      name: 'm',
      inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 3, 4, 4] }],
      outputs: [{ name: 'y', datatype: 'FP32', shape }],
      labels: [],
      readFile: async () => undefined,
    },
    decoders,
  );
  const image = { width: 8, height: 4, channels: 3, data: new Uint8Array(96) } as const;
  const [prediction] = await predictor.predict([{ kind: 'pixels', image }], defaultParameters, {
    maxBatchSize: 1,
    run: async () => [{ name: 'y', datatype: 'FP32', shape, data: Float32Array.from(data) }],
    withModel: () => Promise.reject(new Error('no other models')),
  });
  return prediction?.type === 'segments' ? prediction.segments : [];
}

// Top left and right, bottom left and right: sky, sky, sea, land.
const planes = [9, 9, 0, 0, /* sea */ 0, 0, 9, 0, /* land */ 0, 0, 0, 9];
const places = [9, 0, 0, 9, 0, 0, 0, 9, 0, 0, 0, 9];

const rowsOf = (segment_: Segment | undefined) =>
  Array.from({ length: 4 }, (_, y) =>
    Array.from(segment_?.mask.data.subarray(y * 8, y * 8 + 8) ?? [], (value) =>
      value > 0 ? 'x' : '.',
    ).join(''),
  );

test.each([
  ['planes', 'nchw', [1, 3, 2, 2], planes],
  ['places', 'nhwc', [1, 2, 2, 3], places],
])('classes in %s are cut out where they are best', async (_, outputLayout, shape, data) => {
  const segments = await segment({ outputLayout, activation: 'softmax' }, shape, data);
  expect(segments.map((one) => one.label)).toEqual(['sky', 'sea', 'land']);
  for (const one of segments) expect(one.score).toBeGreaterThan(0.99);
  expect(segments.map(rowsOf)).toEqual([
    ['xxxxxxxx', 'xxxxxxxx', '........', '........'],
    ['........', '........', 'xxxx....', 'xxxx....'],
    ['........', '........', '....xxxx', '....xxxx'],
  ]);
  const { data: indices } = drawMask(segments);
  expect([indices[0], indices[31], indices[24]]).toEqual([0, 2, 1]);
});

test('labels that are to be ignored are no segments', async () => {
  const task = { activation: 'softmax', ignoreLabels: ['sky'] };
  const segments = await segment(task, [1, 3, 2, 2], planes);
  expect(segments.map((one) => one.label)).toEqual(['sea', 'land']);
});

test('a single class is a soft mask, its score the mean of what is inside', async () => {
  const task = { labels: ['person'], activation: 'none' };
  const [person] = await segment(task, [1, 1, 2, 2], [0, 1, 0, 1]);
  expect(Array.from(person?.mask.data.subarray(0, 8) ?? [])).toEqual([
    0, 0, 32, 96, 159, 223, 255, 255,
  ]);
  expect(person?.score).toBeCloseTo((0.625 + 0.875 + 1 + 1) / 4, 5);
});
