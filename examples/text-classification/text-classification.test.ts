import * as v from 'valibot';
import { expect, test } from 'vitest';
import { golden, loadModel } from '../../test/tasks/support/models.ts';

const expected = await golden(
  'examples/text-classification/golden.json',
  v.array(
    v.object({
      text: v.string(),
      labels: v.array(v.object({ label: v.string(), score: v.number() })),
    }),
  ),
);

test('texts have the labels and scores of transformers’ own pipeline', async () => {
  const { predict } = await loadModel('sentiment');
  const inputs = expected.map(({ text }) => ({ kind: 'text' as const, text }));
  const predictions = await predict(...inputs);
  for (const [index, prediction] of predictions.entries()) {
    const labels = prediction.type === 'labels' ? prediction.labels : [];
    const wanted = expected[index];
    expect(labels.map((one) => one.label)).toEqual(wanted?.labels.map((one) => one.label));
    for (const [place, { score }] of labels.entries()) {
      expect(Math.abs(score - (wanted?.labels[place]?.score ?? 0)), wanted?.text).toBeLessThan(
        1e-5,
      );
    }
  }
});
