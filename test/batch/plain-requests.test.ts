import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { answer, requestedModels, textOf } from './plain-request-lines.ts';
import {
  datatypes,
  id,
  numberText,
  program,
  styles,
  values,
  writeRequest,
} from './written-requests.ts';

const models = await requestedModels();
afterAll(() => models.close());

describe('requests that are written alike', () => {
  it.each(Object.entries(styles).slice(0, 3))(
    'are answered as each by itself: %s',
    async (_, style) => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(values, { minLength: 1, maxLength: 9 }),
          fc.integer({ min: 1, max: 5 }),
          async (all, rowsPerRun) => {
            const { together, apart } = await answer(models, all.map(style), rowsPerRun);
            if (together === undefined) throw new Error('expected them to be read together');
            expect(textOf(together)).toBe(apart.map(textOf).join(''));
          },
        ),
        { seed: 21, numRuns: 60 },
      );
    },
  );

  it('are answered as each by itself, whatever is written, or told apart', async () => {
    const plainNumber = fc.constantFrom('0', '1');
    const names = datatypes.map(([name]) => `of ${name}`);
    let together = 0;
    await fc.assert(
      fc.asyncProperty(
        program,
        fc.array(
          fc.tuple(
            fc.oneof({ weight: 5, arbitrary: id }, fc.constantFrom('ä', '\\u0041', '"', '\u007f')),
            fc.oneof(
              { weight: 2, arbitrary: fc.array(plainNumber, { minLength: 12, maxLength: 12 }) },
              fc.array(numberText, { minLength: 12, maxLength: 12 }),
            ),
          ),
          { minLength: 1, maxLength: 5 },
        ),
        fc.integer({ min: 1, max: 5 }),
        async (writer, requests, rowsPerRun) => {
          const lines = requests.map(([name, numbers]) => writeRequest(writer, name, numbers));
          const outcome = await answer(models, lines, rowsPerRun, { model: 'casting', names });
          if (outcome.together === undefined) return;
          together += 1;
          expect(textOf(outcome.together)).toBe(outcome.apart.map(textOf).join(''));
        },
      ),
      { seed: 22, numRuns: 1_000 },
    );
    expect(together).toBeGreaterThan(100);
  });

  it.each([
    ['awkward-in', 'data', 'id'],
    ['awkward-in', 'id', 'data'],
    ['awkward-out', 'x', 'k'],
  ])('are read together where tensors are called data and id: %s %s', async (model, ...names) => {
    const request = (id: string, values: readonly number[]) => {
      const tensors = names.map(
        (name, index) =>
          `{"name": "${name}", "shape": [1], "datatype": "FP32", "data": [${values[index]}]}`,
      );
      return `{"inputs": [${tensors}], "id": "${id}"}`;
    };
    const lines = [request('a', [1, 2]), request('b', [3, 4]), request('c', [5.5, 6])];
    const { together, apart } = await answer(models, lines, 2, { model });
    if (together === undefined) throw new Error('expected them to be read together');
    expect(textOf(together)).toBe(apart.map(textOf).join(''));
    expect(textOf(together)).toContain('"id":"c"');
    const idFirst = lines.map((line) => line.replace(/^\{(.*), ("id": ".")\}$/, '{$2, $1}'));
    const other = await answer(models, idFirst, 2, { model });
    expect(other.together && textOf(other.together)).toBe(textOf(together));
  });
});
