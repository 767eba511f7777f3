import { gzipSync } from 'node:zlib';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTableFiles } from '../../src/adapters/parquet/table-files.ts';
import { formatNpy } from '../../src/protocol/formats/npy.ts';
import { LocalModels } from '../support/local-models.ts';
import { addConstant, identityModel, intDivModel } from '../support/onnx-model.ts';
import { FaultlessJobs, type JobOutcome } from './faultless-jobs.ts';

describe('an input', () => {
  const models = new LocalModels();
  let store: FaultlessJobs;

  beforeAll(async () => {
    await models.add('adder', addConstant('FP32', [-1, 2], 10));
    await models.add('doubles', addConstant('FP64', [-1, 2], 10));
    await models.add('divider', intDivModel('INT64'));
    await models.add('echo', identityModel('BYTES', [-1]));
    await models.add('image', addConstant('FP32', [2, 2], 1));
  });
  beforeEach(() => {
    store = new FaultlessJobs(models);
  });
  afterAll(async () => {
    await models.close();
  });

  const run = (...of: Parameters<FaultlessJobs['run']>) => store.run(...of);
  const submit = (...of: Parameters<FaultlessJobs['submit']>) => store.submit(...of);
  const lines = ({ parts }: JobOutcome) => parts.join('').split('\n').slice(0, -1);

  it('of plain rows of JSON becomes rows of outputs', async () => {
    const outcome = await run('adder', 'rows.jsonl', '[1,2]\n{"x":[3,4]}\n[5]\n[6,"7"]\n[8,9]');
    expect(lines(outcome)).toEqual(['[11,12]', '[13,14]', '[18,19]']);
    expect(outcome.errors.map(({ number }) => number)).toEqual([3, 4]);
    const named = await run('divider', 'named.jsonl', '{"a":7,"b":2}\n{"b":3,"a":9}\n{"a":1}\n');
    expect(lines(named)).toEqual(['3', '3']);
    expect(named.errors).toEqual([
      expect.objectContaining({ number: 3, reason: expect.stringContaining('"b"') as unknown }),
    ]);
  });

  it('of 64-bit integers keeps every digit', async () => {
    const outcome = await run('divider', 'long.jsonl', '{"a":9007199254740993,"b":1}\n');
    expect(lines(outcome)).toEqual(['"9007199254740993"']);
  });

  it('of CSV may hold quoted line ends, commas and quotes, cut into shards between records', async () => {
    const csv = 'a,b\r\n7,2\r\n"9","3"\r\n\r\n"1\n2",4\r\n100,"10"\r\n';
    const outcome = await run('divider', 'table.csv', csv, { shardBytes: 1 });
    expect(outcome.parts.length).toBeGreaterThan(3);
    expect(lines(outcome)).toEqual(['3', '3', '10']);
    expect(outcome.errors).toEqual([expect.objectContaining({ number: 5, offset: 21 })]);
    const one = await run('divider', 'whole.csv', csv);
    expect(one.parts).toHaveLength(1);
    expect(lines(one)).toEqual(lines(outcome));
  });

  it('of CSV passes over blank lines among several columns, with the same numbers however it is cut', async () => {
    const csv = ' \t\na,b\n7,2\n  \n\t\n9,oops\n \t \r\n\n100,10\n   \nno,1\n ';
    const outcomes = [
      await run('divider', 'blank.csv', csv),
      await run('divider', 'blank.csv', csv, { shardBytes: 1 }),
      await run('divider', 'blank.csv', csv, { shardBytes: 9 }),
      await run('divider', 'blank.csv.gz', gzipSync(csv), { shardBytes: 1 }),
    ];
    for (const outcome of outcomes) {
      expect(lines(outcome)).toEqual(['3', '10']);
      expect(outcome.manifest).toMatchObject({ records: 4, failed: 2 });
      expect(outcome.errors.map(({ number, offset }) => [number, offset])).toEqual([
        [6, 16],
        [11, 40],
      ]);
    }
    expect(outcomes.map(({ parts }) => parts.length > 3)).toEqual([false, true, true, true]);
    const again = await submit({
      model: 'divider',
      input: { errorsOf: outcomes.at(-1)?.jobId },
    });
    expect(again.errors.map(({ number }) => number)).toEqual([6, 11]);
  });

  it('of CSV keeps a blank line as a value of the only column', async () => {
    for (const shardBytes of [1, 1000]) {
      const outcome = await run('echo', 'one.csv', 'x\nyes\n  \n\nno\n', { shardBytes });
      expect(lines(outcome)).toEqual(['"yes"', '""', '"no"']);
    }
  });

  it('of any CSV gives each record once, whatever the shards, packed or not', async () => {
    const field = fc
      .string({ maxLength: 6, unit: fc.constantFrom('a', '"', ',', '\n', '\r\n', 'ü', ' ') })
      .map((value) => `"x${value.replaceAll('"', '""')}"`);
    await fc.assert(
      fc.asyncProperty(
        fc.array(field, { maxLength: 12 }),
        fc.integer({ min: 1, max: 60 }),
        fc.constantFrom('\n', '\r\n'),
        fc.boolean(),
        async (fields, shardBytes, lineEnd, packed) => {
          const csv = ['x', ...fields].join(lineEnd) + lineEnd;
          const rows: { x: string }[] = parse(csv, { columns: true, trim: true });
          const expected = rows.map(({ x }) => x);
          const outcome = packed
            ? await run('echo', 'any.csv.gz', gzipSync(csv), { shardBytes })
            : await run('echo', 'any.csv', csv, { shardBytes });
          expect(outcome.errors).toEqual([]);
          expect(lines(outcome).map((line) => JSON.parse(line) as unknown)).toEqual(expected);
        },
      ),
      { seed: 3, numRuns: 60 },
    );
  });

  it('that is packed gives what it gives unpacked, failed records at their place', async () => {
    const rows = Array.from({ length: 500 }, (_, index) =>
      index % 100 === 7 ? 'bad' : `[${index},${index}]`,
    ).join('\n');
    const plain = await run('adder', 'rows.jsonl', rows, { shardBytes: 700 });
    const packed = await run('adder', 'rows.jsonl.gz', gzipSync(rows), { shardBytes: 700 });
    expect(packed.parts.length).toBeGreaterThan(3);
    expect(lines(packed)).toEqual(lines(plain));
    const places = ({ errors }: JobOutcome) => errors.map(({ number, offset }) => [number, offset]);
    expect(places(packed)).toEqual(places(plain));
    expect(places(packed).map(([number]) => number)).toEqual([8, 108, 208, 308, 408]);
    expect(packed.errors[0]?.['input']).toBe('data/rows.jsonl.gz');
  });

  it('that is not what its name says is refused with a reason', async () => {
    await expect(run('adder', 'rows.jsonl.gz', 'not gzip')).rejects.toThrow('expected gzip');
    await expect(run('adder', 'rows.npy', 'not numpy')).rejects.toThrow('.npy');
    await expect(run('adder', 'rows.parquet', 'not parquet')).rejects.toThrow('expected Parquet');
    await expect(run('adder', 'rows.xyz', '')).rejects.toThrow('expected a name that ends in');
  });

  it('of an array gives a prediction for each of its rows, converted where nothing is lost', async () => {
    const data = Float32Array.from({ length: 2_000 }, (_, index) => index / 4);
    const npy = formatNpy({ datatype: 'FP32', shape: [1_000, 2], data });
    for (const model of ['adder', 'doubles']) {
      const outcome = await run(model, 'rows.npy', npy, { shardRecords: 300 });
      expect(outcome.parts).toHaveLength(4);
      const found = lines(outcome).map((line) => JSON.parse(line) as number[]);
      expect(found.flat()).toEqual(Array.from(data, (value) => value + 10));
    }
  });

  it('of Parquet gives a prediction for each row, and takes bad rows by themselves', async () => {
    const values = Array.from({ length: 1_000 }, (_, index) => BigInt(index));
    const table = await createTableFiles().write([
      { name: 'a', type: 'INT64', values },
      { name: 'b', type: 'INT64', values: values.map((_, index) => (index === 500 ? null : 3n)) },
    ]);
    const outcome = await run('divider', 'table.parquet', table, { shardRecords: 300 });
    expect(outcome.parts).toHaveLength(4);
    expect(lines(outcome)).toEqual(
      values.filter((value) => value !== 500n).map((value) => `${value / 3n}`),
    );
    expect(outcome.errors).toEqual([expect.objectContaining({ number: 501 })]);
  });

  it('of Parquet may have a column that is called __proto__', async () => {
    await models.add('awkward', intDivModel('INT64', [-1], ['__proto__', 'b']));
    const table = await createTableFiles().write([
      { name: '__proto__', type: 'INT32', values: [7, 9, null] },
      { name: 'b', type: 'INT32', values: [2, 3, 1] },
    ]);
    const outcome = await run('awkward', 'awkward.parquet', table, { output: { joinInput: true } });
    expect(lines(outcome)).toEqual([
      '{"input":{"__proto__":7,"b":2},"output":3}',
      '{"input":{"__proto__":9,"b":3},"output":3}',
    ]);
    expect(outcome.errors).toEqual([expect.objectContaining({ number: 3 })]);
    expect(lines(await run('adder', 'adder.parquet', table))).toEqual(['[17,12]', '[19,13]']);
  });

  it('of lines of text goes to a model of strings', async () => {
    const outcome = await run('echo', 'words.txt', 'hello world\nGrüße, "you"\n\nlast');
    expect(lines(outcome).map((line) => JSON.parse(line) as unknown)).toEqual([
      'hello world',
      'Grüße, "you"',
      'last',
    ]);
  });

  it('for a model without rows is run record by record', async () => {
    const outcome = await run('image', 'images.jsonl', '[[1,2],[3,4]]\n[[0,0],[0,0]]\n');
    expect(lines(outcome)).toEqual(['[[2,3],[4,5]]', '[[1,1],[1,1]]']);
  });

  it('can be a prefix, or a list of keys, of objects of several formats', async () => {
    await store.jobs.put('data/many/1.jsonl', '[1,2]\n');
    await store.jobs.put('data/many/2.csv', 'p,q\n3,4\n');
    await store.jobs.put('data/many/3.jsonl.gz', gzipSync('[5,6]'));
    await store.jobs.put('data/many/', '');
    await store.jobs.put('data/other.jsonl', '[7,8]\n');
    const expected = ['[11,12]', '[13,14]', '[15,16]'];
    const byPrefix = await submit({ model: 'adder', input: { prefix: 'data/many/' } });
    expect(lines(byPrefix)).toEqual(expected);
    await store.jobs.put(
      'data/list.txt',
      'data/many/1.jsonl\ndata/many/2.csv\r\ndata/many/3.jsonl.gz',
    );
    const byList = await submit({ model: 'adder', input: { list: 'data/list.txt' } });
    expect(lines(byList)).toEqual(expected);
    const byKeys = await submit({
      model: 'adder',
      input: { keys: ['data/other.jsonl', 'data/many/1.jsonl'] },
    });
    expect(lines(byKeys)).toEqual(['[17,18]', '[11,12]']);
  });

  it('can be the failed records of another job, each read from where it lies', async () => {
    await store.jobs.put('data/mixed/1.jsonl', '[1,2]\n[3]\n[4,5]\n"x"\n');
    await store.jobs.put('data/mixed/2.csv', 'p,q\n1,oops\n"2",3\n');
    const first = await submit({ model: 'adder', input: { prefix: 'data/mixed/' }, shardBytes: 6 });
    const places = ({ errors }: JobOutcome) => errors.map(({ input, number }) => [input, number]);
    expect(places(first)).toEqual([
      ['data/mixed/1.jsonl', 2],
      ['data/mixed/1.jsonl', 4],
      ['data/mixed/2.csv', 2],
    ]);
    const again = await submit({ model: 'adder', input: { errorsOf: first.jobId } });
    expect(again.manifest).toMatchObject({ records: 3, failed: 3 });
    expect(again.errors.map(({ reason }) => reason)).toEqual(
      first.errors.map(({ reason }) => reason),
    );
    expect(places(again)).toEqual(places(first));
    // An object that was packed has its records where they were unpacked to.
    await store.jobs.put('data/mixed.csv.gz', gzipSync('p,q\n1,2\n3,oops\n5,6\nno,8\n'));
    const packed = await submit({ model: 'adder', input: { key: 'data/mixed.csv.gz' } });
    const unpacked = await submit({ model: 'adder', input: { errorsOf: packed.jobId } });
    expect(places(unpacked)).toEqual([
      ['data/mixed.csv.gz', 3],
      ['data/mixed.csv.gz', 5],
    ]);
    const third = await submit({ model: 'adder', input: { errorsOf: unpacked.jobId } });
    expect(places(third)).toEqual(places(packed));
    expect(third.errors.map(({ reason }) => reason)).toEqual(
      packed.errors.map(({ reason }) => reason),
    );
    // A model that takes what the other refused.
    await models.add('adder', addConstant('FP32', [-1], 10));
    const mended = await submit({ model: 'adder', input: { errorsOf: first.jobId } });
    await models.add('adder', addConstant('FP32', [-1, 2], 10));
    expect(lines(mended)).toEqual(['13']);
  });
});
