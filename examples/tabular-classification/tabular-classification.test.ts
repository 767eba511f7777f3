import * as v from 'valibot';
import { expect, test } from 'vitest';
import { golden, loadModel } from '../../test/tasks/support/models.ts';

const row = v.record(v.string(), v.nullable(v.union([v.number(), v.string()])));

test('payments are as probably fraud as scikit-learn says, and flagged from the threshold on', async () => {
  const { predict } = await loadModel('fraud');
  const expected = await golden(
    'examples/models/fraud/golden.json',
    v.object({ rows: v.array(row), probability: v.array(v.number()) }),
  );
  const predictions = await predict(
    ...expected.rows.map((one) => ({ kind: 'row' as const, row: one })),
  );
  expect(predictions).toHaveLength(expected.probability.length);
  let flagged = 0;
  for (const [index, prediction] of predictions.entries()) {
    const labels = prediction.type === 'labels' ? prediction.labels : [];
    const probability = expected.probability[index] ?? 0;
    const fraud = labels.find((label) => label.label === 'fraud')?.score ?? -1;
    expect(Math.abs(fraud - probability)).toBeLessThan(1e-6);
    expect(labels[0]?.label).toBe(probability >= 0.4 ? 'fraud' : 'genuine');
    flagged += labels[0]?.label === 'fraud' ? 1 : 0;
  }
  expect(flagged).toBeGreaterThan(0);
});

test('wines are of the cultivar that scikit-learn says', async () => {
  const { predict } = await loadModel('wine');
  const expected = await golden(
    'examples/models/wine/golden.json',
    v.object({ rows: v.array(row), label: v.array(v.string()), score: v.array(v.number()) }),
  );
  const predictions = await predict(
    ...expected.rows.map((one) => ({ kind: 'row' as const, row: one })),
  );
  const best = predictions.map((one) => (one.type === 'labels' ? one.labels[0] : undefined));
  expect(best.map((one) => one?.label)).toEqual(expected.label);
  for (const [index, one] of best.entries()) {
    expect(Math.abs((one?.score ?? 0) - (expected.score[index] ?? 0))).toBeLessThan(1e-6);
  }
});

test('a payment with a column too much, too little or of the wrong kind is refused by name', async () => {
  const { predict } = await loadModel('fraud');
  const payment = {
    amount: 12.5,
    hour: 3,
    distance_km: null,
    payments_last_hour: 0,
    card_age_days: 400,
    merchant: 'fuel',
    channel: 'chip',
  };
  const refused = async (change: Record<string, unknown>, message: RegExp) => {
    const changed = { kind: 'row' as const, row: { ...payment, ...change } };
    await expect(predict(changed)).rejects.toThrow(message);
  };
  expect(await predict({ kind: 'row', row: payment })).toHaveLength(1);
  await refused({ colour: 'red' }, /column "colour"/);
  await refused({ hour: undefined }, /column hour: expected a number from 0 to 23, got no value/);
  await refused({ hour: 24 }, /column hour: expected a number from 0 to 23, got 24/);
  await refused({ amount: 'much' }, /column amount: expected a number from 0, got "much"/);
  await refused({ merchant: 7 }, /column merchant: expected text, got 7/);
});
