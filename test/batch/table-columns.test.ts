import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LocalModels } from '../support/local-models.ts';
import { addConstant, identityModel } from '../support/onnx-model.ts';
import { FaultlessJobs, type JobOutcome } from './faultless-jobs.ts';

type Columns = Parameters<typeof parquetWriteBuffer>[0];

const table = (options: Columns) => new Uint8Array(parquetWriteBuffer(options));

const doubles = (columns: Readonly<Record<string, readonly (number | null)[]>>) =>
  Object.entries(columns).map(([name, data]) => ({
    name,
    data: [...data],
    type: 'DOUBLE' as const,
    nullable: true,
  }));

/** As pandas writes a frame whose index is a column of the file. */
const pandas = (...index: readonly unknown[]) => [
  { key: 'pandas', value: JSON.stringify({ index_columns: index }) },
];

/** A column of lists as pyarrow writes it. */
const lists = (name: string, data: readonly unknown[]): Columns => ({
  columnData: [{ name, data: [...data] }],
  schema: [
    { name: 'root', num_children: 1 },
    { name, repetition_type: 'OPTIONAL', num_children: 1, converted_type: 'LIST' },
    { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
    { name: 'element', type: 'DOUBLE', repetition_type: 'OPTIONAL' },
  ],
});

describe('columns of Parquet', () => {
  const models = new LocalModels();
  let store: FaultlessJobs;

  beforeAll(async () => {
    await models.add('two', addConstant('FP32', [-1, 2], 10));
    await models.add('any', addConstant('FP32', [-1, -1], 10));
    await models.add('text', identityModel('BYTES', [-1]));
    await models.add('doubles', addConstant('FP64', [-1, 2], 10));
    await models.add('longs', addConstant('INT64', [-1, 2], 10));
    await models.add('flags', identityModel('BOOL', [-1, 2]));
    await models.add('half', identityModel('FP16', [-1, 2]));
  });
  beforeEach(() => {
    store = new FaultlessJobs(models);
  });
  afterAll(() => models.close());

  const csv = { output: { format: 'csv' } };
  const run = (model: string, options: Columns, request: object = {}) =>
    store.run(model, 'rows.parquet', table(options), request);
  const lines = ({ parts }: JobOutcome) => parts.join('').split('\n').slice(0, -1);
  const reasons = ({ errors }: JobOutcome) => errors.map(({ number, reason }) => [number, reason]);

  it('are features in the order of the file, also when they are called by numbers', async () => {
    const columnData = ['b', '2020', '2019', '0'].map((name, index) => ({
      name,
      data: [index],
      type: 'DOUBLE' as const,
    }));
    expect(lines(await run('any', { columnData }))).toEqual(['[10,11,12,13]']);
  });

  it('that pandas keeps an index in are no features', async () => {
    const columnData = doubles({ a: [1, 2], b: [3, 4], __index_level_0__: [70, 80] });
    const kvMetadata = pandas('__index_level_0__');
    for (const model of ['two', 'any']) {
      const outcome = await run(model, { columnData, kvMetadata });
      expect(lines(outcome)).toEqual(['[11,13]', '[12,14]']);
    }
    const range = pandas({ kind: 'range', name: null, start: 0, stop: 2, step: 1 });
    expect(lines(await run('any', { columnData, kvMetadata: range }))).toHaveLength(2);
    const foreign = [{ key: 'pandas', value: 'not JSON' }];
    expect(lines(await run('any', { columnData, kvMetadata: foreign }))[0]).toBe('[11,13,80]');
  });

  it('of one name are refused when the job is planned', async () => {
    const columnData = ['a', 'a'].map((name) => ({ name, data: [1], type: 'DOUBLE' as const }));
    await expect(run('two', { columnData })).rejects.toThrow(
      'data/rows.parquet: expected columns of different names, got two that are called "a"',
    );
  });

  it('of floats may miss values, and have NaN and infinities, as those of CSV may', async () => {
    const columnData = doubles({
      a: [1, null, 3, Number.POSITIVE_INFINITY],
      b: [Number.NaN, 6, 7, 8],
    });
    for (const rowsPerRun of [1, 4]) {
      const outcome = await run('two', { columnData }, { ...csv, rowsPerRun });
      expect(outcome.errors).toEqual([]);
      expect(lines(outcome)).toEqual(['y[0],y[1]', '11,NaN', 'NaN,16', '13,17', 'Infinity,18']);
    }
  });

  it('of lists may have the same in them, and no list that is missing or of another length', async () => {
    const values = [[1, Number.NaN], [3, null], null, [5], [7, 8]];
    for (const rowsPerRun of [1, 5]) {
      const outcome = await run('two', lists('x', values), { ...csv, rowsPerRun });
      expect(lines(outcome)).toEqual(['y[0],y[1]', '11,NaN', '13,NaN', '17,18']);
      expect(outcome.errors.map(({ number }) => number)).toEqual([3, 4]);
    }
    const outcome = await run('any', lists('embedding', [[1, 2], null]), csv);
    expect(reasons(outcome)).toEqual([
      [2, 'column "embedding": expected a number in the range of FP32, got null'],
    ]);
  });

  it('of lists name the element that does not fit', async () => {
    const outcome = await run('two', lists('x', [[1, 1e300]]));
    expect(reasons(outcome)).toEqual([
      [1, 'column "x"[0][1]: expected a number in the range of FP32, got 1e+300'],
    ]);
  });

  it('of booleans, as get_dummies of pandas makes them, are 1 and 0 for numbers', async () => {
    const booleans = { name: 'b', data: [true, false, null], type: 'BOOLEAN' as const };
    const columnData = [...doubles({ a: [1, 2, 3] }), { ...booleans, nullable: true }];
    for (const model of ['two', 'doubles']) {
      const outcome = await run(model, { columnData }, csv);
      expect(lines(outcome), model).toEqual(['y[0],y[1]', '11,11', '12,10', '13,NaN']);
    }
    const both = ['a', 'b'].map((name) => ({ ...booleans, name, data: [true, false] }));
    expect(lines(await run('longs', { columnData: both }))).toEqual(['[11,11]', '[10,10]']);
    expect(lines(await run('flags', { columnData: both }))).toEqual([
      '[true,true]',
      '[false,false]',
    ]);
    const words = await store.run('two', 'words.csv', 'a,b\n1,True\n2,False\n', csv);
    expect(lines(words)).toEqual(['y[0],y[1]', '11,11', '12,10']);
  });

  it('are rounded to FP16 where the model takes that, as cells of CSV and rows of JSON are', async () => {
    const rounded = ['y[0],y[1]', '0.33325195,65504', '-1.5,0'];
    const a = [1 / 3, -1.5, 65_520];
    const b = [65_519, 1e-9, 0];
    const text = a.map((value, row) => `${value},${b[row]}`);
    const outcomes = {
      parquet: await run('half', { columnData: doubles({ a, b }) }, csv),
      csv: await store.run('half', 'rows.csv', ['a,b', ...text, ''].join('\n'), csv),
      json: await store.run('half', 'r.jsonl', text.map((row) => `[${row}]\n`).join(''), csv),
    };
    for (const [format, outcome] of Object.entries(outcomes)) {
      // Lines of JSON may have ids, so that their predictions have a column of them.
      const found = lines(outcome).map((line) => line.replace(/^(id)?,/, ''));
      expect(found, format).toEqual(rounded);
      expect(reasons(outcome), format).toEqual([
        // The line that names the columns of CSV is the first.
        [format === 'csv' ? 4 : 3, expect.stringMatching(/range of FP16, got .*65520/)],
      ]);
    }
    const missing = await run('half', { columnData: doubles({ a: [null], b: [-0] }) }, csv);
    expect(lines(missing)).toEqual(['y[0],y[1]', 'NaN,-0.0']);
  });

  it('are named when the model cannot take them', async () => {
    const dates = { name: 'day', data: [new Date(0)], type: 'TIMESTAMP' as const };
    const day = await run('two', { columnData: [...doubles({ a: [1] }), dates] });
    expect(reasons(day)).toEqual([
      [
        1,
        'column "day": expected a number in the range of FP32, got the time 1970-01-01T00:00:00.000Z',
      ],
    ]);
    const wide = await run('two', { columnData: doubles({ a: [1], b: [2], c: [3] }) });
    expect(reasons(wide)).toEqual([
      [1, 'row: expected 2 columns for [-1,2] of input "x", got 3: "a", "b", "c"'],
    ]);
    const large = await run('two', { columnData: doubles({ a: [1], b: [1e300] }) });
    expect(reasons(large)).toEqual([
      [1, 'column "b": expected a number in the range of FP32, got 1e+300'],
    ]);
  });

  it('of bytes are texts where they are UTF-8, and never replaced where they are not', async () => {
    const data = [Buffer.from('Grüße'), Uint8Array.of(0xff)];
    const outcome = await run('text', { columnData: [{ name: 'x', data, type: 'BYTE_ARRAY' }] });
    expect(lines(outcome)).toEqual(['"Grüße"']);
    expect(reasons(outcome)).toEqual([
      [2, 'column "x": expected a string of valid Unicode, got bytes that are no text (1)'],
    ]);
  });
});
