import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTableFiles } from '../../src/adapters/parquet/table-files.ts';
import { LocalModels } from '../support/local-models.ts';
import { addConstant, intDivModel } from '../support/onnx-model.ts';
import { FaultlessJobs, type JobOutcome } from './faultless-jobs.ts';

describe('rows of Parquet', () => {
  const models = new LocalModels();
  let store: FaultlessJobs;

  beforeAll(async () => {
    await models.add('two', addConstant('FP32', [-1, 2], 10));
    await models.add('any', addConstant('FP32', [-1, -1], 10));
    await models.add('divider', intDivModel('INT64'));
    await models.add('doubles', addConstant('FP64', [-1, 2], 10));
  });
  beforeEach(() => {
    store = new FaultlessJobs(models);
  });
  afterAll(() => models.close());

  const lines = ({ parts }: JobOutcome) => parts.join('').split('\n').slice(0, -1);

  it.each(['INT32', 'INT64', 'DOUBLE'] as const)(
    'are rows of the only input, in columns of %s',
    async (type) => {
      const valuesOf = (...values: number[]) => (type === 'INT64' ? values.map(BigInt) : values);
      const table = await createTableFiles().write([
        { name: 'p', type, values: valuesOf(1, 2, 3, 4) },
        { name: 'q', type, values: valuesOf(5, 6, 7, 8) },
      ]);
      for (const model of ['two', 'any', 'doubles']) {
        const outcome = await store.run(model, 'rows.parquet', table);
        expect(outcome.errors, model).toEqual([]);
        expect(lines(outcome), model).toEqual(['[11,15]', '[12,16]', '[13,17]', '[14,18]']);
      }
    },
  );

  it('keep every digit of 64-bit integers for inputs of those', async () => {
    const table = await createTableFiles().write([
      { name: 'a', type: 'INT64', values: [9007199254740993n, 7n] },
      { name: 'b', type: 'INT64', values: [1n, 2n] },
    ]);
    const outcome = await store.run('divider', 'long.parquet', table);
    expect(lines(outcome)).toEqual(['"9007199254740993"', '3']);
  });
});
