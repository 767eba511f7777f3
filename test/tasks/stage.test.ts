import { expect, test } from 'vitest';
import { invalidRequest } from '../../src/errors.ts';
import {
  defaultParameters,
  type PredictContext,
  type PredictInput,
} from '../../src/tasks/predictor.ts';
import { definePredictor } from '../../src/tasks/stage.ts';

const context: PredictContext = {
  maxBatchSize: 3,
  run: async () => [],
  withModel: () => Promise.reject(new Error('no other models')),
};

const texts = (...values: string[]): PredictInput[] =>
  values.map((text) => ({ kind: 'text', text }));

function counting() {
  const runs: string[][] = [];
  const log: string[] = [];
  const predictor = definePredictor<string>({
    task: 'text-classification',
    prepare(input) {
      const text = input.kind === 'text' ? input.text : '';
      log.push(`prepare ${text}`);
      if (text === 'unreadable') throw invalidRequest('text', 'something to read', text);
      return text;
    },
    async execute(prepared) {
      log.push(`run ${prepared.join(' ')}`);
      runs.push([...prepared]);
      await new Promise((resolve) => setImmediate(resolve));
      if (prepared.includes('poison')) throw invalidRequest('text', 'no poison', 'poison');
      return prepared.map((label) => ({ type: 'labels', labels: [{ label, score: 1 }] }));
    },
  });
  return { predictor, runs, log };
}

test('inputs run in groups and are answered in order', async () => {
  const { predictor, runs } = counting();
  const answers = await predictor.predict(texts(...'abcdefgh'), defaultParameters, context);
  expect(answers.map((one) => one.type === 'labels' && one.labels[0]?.label)).toEqual([
    ...'abcdefgh',
  ]);
  expect(runs).toEqual([
    ['a', 'b', 'c'],
    ['d', 'e', 'f'],
    ['g', 'h'],
  ]);
});

test('the next group is prepared before the last one has run', async () => {
  const { predictor, log } = counting();
  await predictor.predict(texts(...'abcdef'), defaultParameters, context);
  expect(log.indexOf('prepare d')).toBeLessThan(log.indexOf('run d e f'));
  expect(log.indexOf('prepare d')).toBeLessThan(log.indexOf('run a b c') + 2);
});

test('a bad input costs itself alone, whether it is unreadable or refused by the model', async () => {
  const { predictor } = counting();
  const inputs = [
    ...texts('a', 'unreadable', 'b', 'poison', 'c'),
    { kind: 'row' as const, row: {} },
  ];
  const settled = await predictor.predictEach(inputs, defaultParameters, context);
  expect(settled.map((one) => one.ok)).toEqual([true, false, true, false, true, false]);
  expect(settled[5]).toMatchObject({
    error: { message: expect.stringMatching(/expected text .*got a row/) },
  });
});

test('the first bad input is named', async () => {
  const { predictor } = counting();
  const inputs = texts('a', 'b', 'c', 'd', 'unreadable');
  await expect(predictor.predict(inputs, defaultParameters, context)).rejects.toThrow(
    /^inputs\[4\]: text: expected something to read/,
  );
});

/** Pictures named by one byte, which another thread prepares; what has run is written to `runs`. */
function pictures(elsewhere: (name: number) => Promise<number> | undefined) {
  const runs: number[][] = [];
  const here: number[] = [];
  const nameOf = (input: PredictInput) => (input.kind === 'image' ? (input.bytes[0] ?? 0) : 0);
  const predictor = definePredictor<number>({
    task: 'image-classification',
    async prepare(input) {
      here.push(nameOf(input));
      return nameOf(input);
    },
    prepareElsewhere: (input) => elsewhere(nameOf(input)),
    async execute(prepared) {
      runs.push([...prepared]);
      return prepared.map((name) => ({ type: 'labels', labels: [{ label: `${name}`, score: 1 }] }));
    },
  });
  const predict = async (...names: number[]) => {
    const inputs = names.map(
      (name): PredictInput => ({ kind: 'image', bytes: Uint8Array.of(name) }),
    );
    const answers = await predictor.predict(inputs, defaultParameters, context);
    return answers.map((one) => (one.type === 'labels' ? one.labels[0]?.label : undefined));
  };
  return { predict, runs, here };
}

const later = (name: number, ms: number) =>
  new Promise<number>((resolve) => setTimeout(() => resolve(name), ms));

test('pictures run as they become ready, and are answered in the order of the inputs', async () => {
  const slowFirst = pictures((name) => later(name, name === 1 ? 40 : 1));
  expect(await slowFirst.predict(1, 2, 3, 4, 5)).toEqual(['1', '2', '3', '4', '5']);
  expect(slowFirst.runs.flat().at(-1)).toBe(1);
  expect(slowFirst.runs.length).toBeGreaterThan(1);
});

test('who would wait for the other thread prepares one too, and all where there is no other thread', async () => {
  const both = pictures((name) => later(name, 1));
  await both.predict(1, 2, 3, 4, 5, 6);
  expect(both.here.length).toBeGreaterThan(0);
  expect(both.here.length).toBeLessThan(6);
  const alone = pictures(() => undefined);
  expect(await alone.predict(1, 2, 3, 4, 5)).toEqual(['1', '2', '3', '4', '5']);
  expect(alone.here).toEqual([1, 2, 3, 4, 5]);
});

test('one picture alone stays in this thread', async () => {
  const { predict, here } = pictures(() => Promise.reject(new Error('not asked for')));
  expect(await predict(7)).toEqual(['7']);
  expect(here).toEqual([7]);
});
