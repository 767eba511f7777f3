import { afterAll, describe, expect, it } from 'vitest';
import { answer, requestedModels, textOf } from './plain-request-lines.ts';
import { datatypes, styles, type Values } from './written-requests.ts';

const models = await requestedModels();
afterAll(() => models.close());

describe('requests that are written alike', () => {
  const one: Values = { id: 'a', x: [1, 2], k: 3 };
  const { compact: style = String, 'with ids and spaces': withIds = String } = styles;
  const line = style(one);

  it.each([
    ['a member that is called like one of a tensor', Object.values(styles)[3]?.(one) ?? ''],
    [
      'a number too large for its datatype',
      line.replace('[1,2]', '[1,2]').replace('[3]', '[1e30]'),
    ],
    ['a fraction for an integer', line.replace('[3]', '[3.5]')],
    ['a number too many', line.replace('"data":[1,2]', '"data":[1,2,3]')],
    ['a number too few', line.replace('"data":[1,2]', '"data":[1]')],
    ['a number that JSON does not know', line.replace('"data":[1,2]', '"data":[1,02]')],
    ['a text', line.replace('"data":[3]', '"data":["3"]')],
    ['another shape', line.replace('[1,2]', '[1, 2]')],
    ['something behind it', `${line} x`],
    ['another order', withIds(one)],
    ['nonsense', 'nonsense'],
  ])('are told apart when one holds %s', async (_, other) => {
    for (const lines of [
      [line, line, other],
      [other, line],
    ]) {
      const { together, apart } = await answer(models, lines, 2);
      expect(together).toBeUndefined();
      expect(apart).toHaveLength(lines.length);
    }
  });

  it.each(['a\\"b', 'ä', '\\u0041'])(
    'are told apart by an id that is not plain: %s',
    async (other) => {
      const { together } = await answer(models, [withIds(one), withIds({ ...one, id: other })], 2);
      expect(together).toBeUndefined();
    },
  );

  it('are told apart when their input stands beside the prediction', async () => {
    const { together, apart, runsTogether } = await answer(models, [line, line], 2, {
      joinInput: true,
    });
    expect(together).toBeUndefined();
    expect(runsTogether).toBe(0);
    expect(apart.map(textOf).join('')).toContain('"input":');
  });

  it.each(['[{"name":"t"}]', '[{"name":"of x","parameters":{"classification":1}}]'])(
    'are told apart before any is run when they ask for what is not written in rows: %s',
    async (outputs) => {
      const inputs = datatypes.map(
        ([name, datatype]) => `{"name":"${name}","datatype":"${datatype}","shape":[1],"data":[1]}`,
      );
      const asking = `{"inputs":[${inputs}],"outputs":${outputs}}`;
      const { together, apart, runsTogether } = await answer(models, [asking, asking], 2, {
        model: 'casting',
      });
      expect(together).toBeUndefined();
      expect(runsTogether).toBe(0);
      expect(apart.map(textOf)).toHaveLength(2);
    },
  );

  it('are told apart when a prediction is no number that JSON can carry', async () => {
    const { together, apart } = await answer(
      models,
      [line, line.replace('[1,2]}', '[3e38,2]}')],
      2,
    );
    expect(together).toBeUndefined();
    expect(apart.map((outcome) => 'error' in outcome)).toEqual([false, true]);
  });
});
