import * as v from 'valibot';
import { expect, test } from 'vitest';
import { audio, golden, loadModel } from '../../test/tasks/support/models.ts';

const expected = await golden(
  'examples/audio-classification/golden.json',
  v.record(v.string(), v.array(v.object({ label: v.string(), score: v.number() }))),
);

test.each(Object.keys(expected))('“%s” is heard as PyTorch hears it', async (word) => {
  const { predict } = await loadModel('spoken-digits');
  const [prediction] = await predict(
    await audio(`examples/audio-classification/clips/${word}.wav`),
  );
  const labels = prediction?.type === 'labels' ? prediction.labels : [];
  expect(labels[0]?.label).toBe(word);
  expect(labels.map((one) => one.label)).toEqual(expected[word]?.map((one) => one.label));
  for (const [index, { score }] of labels.entries()) {
    expect(Math.abs(score - (expected[word]?.[index]?.score ?? 0))).toBeLessThan(1e-5);
  }
});

test('words that come together are heard as each alone', async () => {
  const { predict } = await loadModel('spoken-digits');
  const words = Object.keys(expected);
  const clips = await Promise.all(
    words.map((word) => audio(`examples/audio-classification/clips/${word}.wav`)),
  );
  const answers = await predict(...clips);
  expect(answers.map((one) => one.type === 'labels' && one.labels[0]?.label)).toEqual(words);
});
