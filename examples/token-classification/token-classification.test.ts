import * as v from 'valibot';
import { expect, test } from 'vitest';
import { createPredictor } from '../../src/tasks/create.ts';
import { defaultParameters } from '../../src/tasks/predictor.ts';
import { decoders, golden, loadModel } from '../../test/tasks/support/models.ts';

const entities = v.array(
  v.object({
    entity_group: v.string(),
    score: v.number(),
    start: v.number(),
    end: v.number(),
  }),
);
const expected = await golden(
  'examples/token-classification/golden.json',
  v.array(
    v.object({
      text: v.string(),
      simple: entities,
      first: entities,
      average: entities,
      max: entities,
    }),
  ),
);

/** Python counts code points, JavaScript UTF-16 units. */
const inUnits = (text: string, codePoints: number) =>
  [...text].slice(0, codePoints).join('').length;

test.each(['simple', 'first', 'average', 'max'] as const)(
  'aggregation %s finds the entities of transformers’ own pipeline',
  async (aggregation) => {
    const { configuration, model, context } = await loadModel('pii-tagger');
    if (configuration.type !== 'token-classification') throw new Error(configuration.type);
    const predictor = await createPredictor({ ...configuration, aggregation }, model, decoders);
    const inputs = expected.map(({ text }) => ({ kind: 'text' as const, text }));
    const predictions = await predictor.predict(inputs, defaultParameters, context);
    for (const [index, prediction] of predictions.entries()) {
      const { text = '', [aggregation]: wanted = [] } = expected[index] ?? {};
      const found = prediction.type === 'entities' ? prediction.entities : [];
      expect(
        found.map(({ entity_group, start, end }) => ({ entity_group, start, end })),
        text,
      ).toEqual(
        wanted.map(({ entity_group, start, end }) => ({
          entity_group,
          start: inUnits(text, start),
          end: inUnits(text, end),
        })),
      );
      for (const [place, { score, word, start, end }] of found.entries()) {
        expect(Math.abs(score - (wanted[place]?.score ?? 0)), text).toBeLessThan(1e-4);
        expect(word).toBe(text.slice(start, end));
      }
    }
  },
);
