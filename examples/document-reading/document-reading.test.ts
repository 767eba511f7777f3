import * as v from 'valibot';
import { expect, test } from 'vitest';
import { golden, image, loadModel } from '../../test/tasks/support/models.ts';

const goldenSchema = v.record(
  v.string(),
  v.array(
    v.object({
      polygon: v.array(v.tuple([v.number(), v.number()])),
      text: v.string(),
      score: v.number(),
    }),
  ),
);

const documentSchema = v.object({
  text: v.string(),
  items: v.array(
    v.object({
      polygon: v.array(v.tuple([v.number(), v.number()])),
      text: v.string(),
      score: v.number(),
    }),
  ),
});

test.each(['invoice', 'label'])('the %s reads as PaddleOCR reads it', async (page) => {
  const { predict } = await loadModel('ocr-page');
  const expected = (await golden('examples/document-reading/golden.json', goldenSchema))[page];
  const [prediction] = await predict(await image(`examples/document-reading/pages/${page}.png`));
  expect(prediction?.type).toBe('document');
  const document = v.parse(
    documentSchema,
    prediction?.type === 'document' ? prediction.document : undefined,
  );
  expect(document.items.map((item) => item.text)).toEqual(expected?.map((item) => item.text));
  expect(document.text).toBe(expected?.map((item) => item.text).join('\n'));
  for (const [index, item] of document.items.entries()) {
    expect(Math.abs(item.score - (expected?.[index]?.score ?? 0)), item.text).toBeLessThan(0.01);
    for (const [corner, [x, y]] of item.polygon.entries()) {
      const [expectedX = 0, expectedY = 0] = expected?.[index]?.polygon[corner] ?? [];
      expect(Math.hypot(x - expectedX, y - expectedY), item.text).toBeLessThanOrEqual(1.5);
    }
  }
});
