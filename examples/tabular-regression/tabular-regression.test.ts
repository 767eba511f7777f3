import * as v from 'valibot';
import { expect, test } from 'vitest';
import { golden, loadModel } from '../../test/tasks/support/models.ts';

test('the progression of diabetes is what scikit-learn predicts', async () => {
  const { predict } = await loadModel('diabetes');
  const row = v.record(v.string(), v.union([v.number(), v.string()]));
  const expected = await golden(
    'examples/models/diabetes/golden.json',
    v.object({ rows: v.array(row), value: v.array(v.number()) }),
  );
  const predictions = await predict(
    ...expected.rows.map((one) => ({ kind: 'row' as const, row: one })),
  );
  for (const [index, prediction] of predictions.entries()) {
    const value = prediction.type === 'values' ? prediction.values : Number.NaN;
    expect(Math.abs(Number(value) - (expected.value[index] ?? 0))).toBeLessThan(1e-3);
  }
});
