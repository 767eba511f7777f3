import * as v from 'valibot';
import { expect, test } from 'vitest';
import { golden, loadModel } from '../../test/tasks/support/models.ts';

const expected = await golden(
  'examples/sentence-embeddings/golden.json',
  v.object({ sentences: v.array(v.string()), vectors: v.array(v.array(v.number())) }),
);

async function embed(sentences: readonly string[]): Promise<Float32Array[]> {
  const { predict } = await loadModel('word-mean-64');
  const predictions = await predict(...sentences.map((text) => ({ kind: 'text' as const, text })));
  return predictions.map((one) => (one.type === 'embedding' ? one.values : new Float32Array()));
}

test('sentences have the vectors that the tokenizer and numpy of the reference give them', async () => {
  const vectors = await embed(expected.sentences);
  for (const [index, vector] of vectors.entries()) {
    const wanted = expected.vectors[index] ?? [];
    expect(vector).toHaveLength(wanted.length);
    for (const [place, value] of vector.entries()) {
      expect(Math.abs(value - (wanted[place] ?? 0)), expected.sentences[index]).toBeLessThan(2e-6);
    }
  }
});

test('what means the same is nearer than what does not', async () => {
  const vectors = await embed(expected.sentences.slice(0, 4));
  const [cat = [], kitten = [], stocks = [], shares = []] = vectors.map((one) => Array.from(one));
  const cosine = (a: readonly number[], b: readonly number[]) =>
    a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);
  expect(cosine(cat, kitten)).toBeGreaterThan(cosine(cat, stocks) + 0.2);
  expect(cosine(stocks, shares)).toBeGreaterThan(cosine(kitten, shares) + 0.2);
});
