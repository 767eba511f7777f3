import { expect, test } from 'vitest';
import type { TaskConfiguration } from '../../src/models/task-configuration.ts';
import { createPredictor } from '../../src/tasks/create.ts';
import { decoders } from './support/models.ts';

type Pipeline = Extract<TaskConfiguration, { type: 'pipeline' }>;
type Step = Pipeline['steps'][number];

const regions: Step = {
  name: 'regions',
  operation: 'predict',
  model: 'd',
  version: undefined,
  images: 'request',
};
const lines: Step = {
  name: 'lines',
  operation: 'crop',
  images: 'request',
  regions: 'regions',
  turnWhenTallerThan: undefined,
};
const texts: Step = {
  name: 'texts',
  operation: 'predict',
  model: 'r',
  version: undefined,
  images: 'lines',
};

const create = (steps: readonly Step[], items: readonly string[]) =>
  createPredictor(
    {
      type: 'pipeline',
      steps: [...steps],
      output: { items: [...items], minimumScore: 0, text: false },
    },
    { name: 'm', inputs: [], outputs: [], labels: [], readFile: async () => undefined },
    decoders,
  );

test('steps that fit together are a pipeline', async () => {
  await expect(create([regions, lines, texts], ['regions', 'texts'])).resolves.toMatchObject({
    task: 'pipeline',
    accepts: 'image',
  });
});

test.each<[string, readonly Step[], readonly string[], RegExp]>([
  ['a step that names a later one', [lines, regions], ['regions'], /steps\[0\]\.regions/],
  [
    'a step that names none',
    [{ ...regions, images: 'nothing' }],
    ['regions'],
    /steps\[0\]\.images/,
  ],
  ['two steps of one name', [regions, regions], ['regions'], /steps\[1\]\.name/],
  [
    'a step with the request’s name',
    [{ ...regions, name: 'request' }],
    ['request'],
    /steps\[0\]\.name/,
  ],
  ['items of no step', [regions], ['texts'], /output\.items\[0\]/],
  [
    'items over different pictures',
    [regions, lines, texts, { ...regions, name: 'whole' }],
    ['whole', 'texts'],
    /output\.items/,
  ],
  [
    'a turn by answers for other pictures',
    [
      regions,
      lines,
      {
        name: 'up',
        operation: 'turn',
        images: 'lines',
        by: 'regions',
        label: '180',
        minimumScore: 0,
      },
    ],
    ['regions'],
    /steps\[2\]\.by/,
  ],
])('%s is refused', async (_, steps, items, message) => {
  await expect(create(steps, items)).rejects.toThrow(message);
});
