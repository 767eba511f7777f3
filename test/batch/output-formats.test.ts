import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTableFiles } from '../../src/adapters/parquet/table-files.ts';
import type { TableFile } from '../../src/batch/ports.ts';
import { formatNpy } from '../../src/protocol/formats/npy.ts';
import { LocalModels } from '../support/local-models.ts';
import { addConstant, identityModel, intDivModel } from '../support/onnx-model.ts';
import { encodeModel } from '../support/onnx-protobuf.ts';
import { FaultlessJobs, type JobOutcome } from './faultless-jobs.ts';

describe('the output of a job', () => {
  const models = new LocalModels();
  let store: FaultlessJobs;

  beforeAll(async () => {
    await models.add('adder', addConstant('FP32', [-1, 2], 10));
    await models.add('divider', intDivModel('INT64'));
    const rows = { datatype: 'FP32' as const, shape: [-1] };
    const identity = (output: string) => ({
      operator: 'Identity',
      inputs: ['x'],
      outputs: [output],
    });
    const three = encodeModel({
      inputs: [{ name: 'x', ...rows }],
      outputs: ['a', 'b', 'c'].map((name) => ({ name, ...rows })),
      nodes: [
        identity('a'),
        { operator: 'Neg', inputs: ['x'], outputs: ['b'] },
        { operator: 'Abs', inputs: ['x'], outputs: ['c'] },
      ],
    });
    await models.add('three', three);
    await models.add('echo', identityModel('BYTES', [-1]));
    await models.add('unsigned', identityModel('UINT64', [-1]));
  });
  beforeEach(() => {
    store = new FaultlessJobs(models);
  });
  afterAll(async () => {
    await models.close();
  });

  const text = (key: string) => store.text(key);
  const run = (...of: Parameters<FaultlessJobs['run']>) => store.run(...of);
  const submit = (...of: Parameters<FaultlessJobs['submit']>) => store.submit(...of);
  const lines = ({ parts }: JobOutcome) => parts.join('').split('\n').slice(0, -1);

  it('can stand beside its predictions', async () => {
    const output = { joinInput: true };
    const rows = await run('adder', 'rows.jsonl', '[1,2]\n{"x":[3,4]}\n', { output });
    expect(lines(rows)).toEqual([
      '{"input":[1,2],"output":[11,12]}',
      '{"input":{"x":[3,4]},"output":[13,14]}',
    ]);
    const csv = await run('divider', 'table.csv', 'a,b\n7,"2"\n', { output });
    expect(lines(csv)).toEqual(['{"input":{"a":"7","b":"2"},"output":3}']);
    const columns = await run('divider', 'table.csv', 'a,b\n7,"2"\n9,3\n', {
      output: { joinInput: true, format: 'csv' },
    });
    expect(lines(columns)).toEqual(['a,b,y', '7,"2",3', '9,3,3']);
  });

  it('stands beside rows of every other form of input, in every form of output', async () => {
    const table = await createTableFiles().write([
      { name: 'a', type: 'INT64', values: [7n] },
      { name: 'b', type: 'INT64', values: [2n] },
    ]);
    const array = formatNpy({ datatype: 'FP32', shape: [1, 2], data: Float32Array.of(1, 2) });
    const inputs = [
      ['divider', 'rows.parquet', table, '{"a":"7","b":"2"}', '3'],
      ['adder', 'rows.npy', array, '[1,2]', '[11,12]'],
      ['echo', 'words.txt', 'so "it" is\n', '"so \\"it\\" is"', '"so \\"it\\" is"'],
    ] as const;
    for (const [model, name, body, input, output] of inputs) {
      const joined = (format: string) =>
        run(model, name, body, { output: { joinInput: true, format } });
      expect(lines(await joined('jsonl')), name).toEqual([`{"input":${input},"output":${output}}`]);
      const [header, row] = lines(await joined('csv'));
      expect(header, name).toMatch(/^input,/);
      expect(row, name).toContain(`"${input.replaceAll('"', '""')}"`.replace(/^"([^",]*)"$/, '$1'));
      const { keys, manifest } = await joined('parquet');
      const [part] = manifest.parts;
      const file = await openTable(`${keys.prefix}${part?.output}`);
      expect((await file.readRows(0, 1))[0], name).toMatchObject({ input });
    }
  });

  it('has the outputs that are named, in their order', async () => {
    for (const [format, expected] of [
      ['jsonl', ['{"c":2,"a":-2}']],
      ['csv', ['id,c,a', ',2,-2']],
    ] as const) {
      const output = { names: ['c', 'a'], format };
      expect(lines(await run('three', 'x.jsonl', '-2\n', { output })), format).toEqual(expected);
    }
    expect(lines(await run('three', 'x.csv', 'x\n-2\n', { output: { names: ['b'] } }))).toEqual([
      '2',
    ]);
  });

  it('becomes CSV with a header in each part, or one when parts are put together', async () => {
    const rows = Array.from({ length: 30 }, (_, index) => `[${index},0.1]\n`).join('');
    const separate = await run('adder', 'rows.jsonl', rows, {
      shardBytes: 100,
      output: { format: 'csv' },
    });
    expect(separate.parts.length).toBeGreaterThan(1);
    for (const part of separate.parts) expect(part.split('\n')[0]).toBe('id,y[0],y[1]');
    const together = await run('adder', 'rows.jsonl', rows, {
      shardBytes: 100,
      output: { format: 'csv', merge: true },
    });
    const merged = await text(together.keys.mergedOutput('csv'));
    expect(merged.split('\n').slice(0, 3)).toEqual(['id,y[0],y[1]', ',10,10.1', ',11,10.1']);
    expect(merged.trim().split('\n')).toHaveLength(31);
  });

  it('becomes Parquet with typed columns', async () => {
    const rows = Array.from({ length: 30 }, (_, index) => `{"a":${index},"b":2}\n`).join('');
    const outcome = await run('divider', 'rows.jsonl', rows, { output: { format: 'parquet' } });
    const table = await openTable(outcome.keys.output(0, 1, 'parquet'));
    expect(table.rows).toBe(30);
    expect((await table.readRows(28, 30)).map((row) => row['y'])).toEqual([14n, 14n]);
  });

  it('keeps every unsigned 64-bit integer in Parquet, merged too', async () => {
    const largest = 2n ** 64n - 1n;
    const rows = `${largest}\n1\n`;
    const output = { format: 'parquet', merge: true };
    const outcome = await run('unsigned', 'rows.jsonl', rows, { output });
    for (const key of [
      outcome.keys.output(0, 1, 'parquet'),
      outcome.keys.mergedOutput('parquet'),
    ]) {
      const table = await openTable(key);
      expect((await table.readRows(0, 2)).map((row) => row['y'])).toEqual([largest, 1n]);
    }
  });

  it('becomes one table of all parts, those without a row among them', async () => {
    const row = (index: number) => (index < 20 || index >= 50 ? 'bad' : `{"a":${index},"b":1}`);
    const rows = Array.from({ length: 60 }, (_, index) => `${row(index)}\n`).join('');
    const outcome = await run('divider', 'rows.jsonl', rows, {
      shardBytes: 60,
      output: { format: 'parquet', merge: true },
    });
    expect(outcome.parts.length).toBeGreaterThan(5);
    const key = outcome.keys.mergedOutput('parquet');
    const table = await openTable(key);
    expect(table.rows).toBe(30);
    expect(table.rowGroups.length).toBeGreaterThan(5);
    const values = (await table.readRows(0, 30)).map((one) => one['y']);
    expect(values).toEqual(Array.from({ length: 30 }, (_, index) => BigInt(20 + index)));
    expect(outcome.manifest).toMatchObject({
      output: { merged: 'output.parquet', mergedBytes: (await store.results.head(key))?.sizeBytes },
    });
  });

  it('becomes a table of nothing when there is nothing', async () => {
    const output = { format: 'parquet', merge: true };
    const none = await run('divider', 'none.jsonl', '', { output });
    expect((await openTable(none.keys.mergedOutput('parquet'))).rows).toBe(0);
    const bad = await run('divider', 'bad.jsonl', 'bad\n', { output });
    expect((await openTable(bad.keys.mergedOutput('parquet'))).rows).toBe(0);
  });

  it('is not merged with others whose predictions have other columns', async () => {
    await store.jobs.put('data/mixed/a.csv', 'p,q\n1,2\n');
    await store.jobs.put('data/mixed/b.jsonl', '[1,2]\n');
    const request = { model: 'adder', input: { prefix: 'data/mixed/' } };
    for (const format of ['csv', 'parquet']) {
      await expect(submit({ ...request, output: { format, merge: true } })).rejects.toThrow(
        /^output\.merge: expected inputs of one kind.*got data\/mixed\/a\.csv and data\/mixed\/b\.jsonl/,
      );
    }
    expect((await submit({ ...request, output: { format: 'parquet' } })).parts).toHaveLength(2);
    expect((await submit({ ...request, output: { merge: true } })).parts).toHaveLength(2);
  });

  it('has a manifest with the checksum of each part, and beside it the times and the cost', async () => {
    const rows = Array.from({ length: 30 }, (_, index) => `[${index},0.1]\n`).join('');
    const { keys, manifest } = await run('adder', 'rows.jsonl', rows, { shardBytes: 100 });
    expect(manifest.parts.length).toBeGreaterThan(2);
    const hexadecimal = (sum: number) => sum.toString(16).padStart(8, '0');
    for (const { output, ...part } of manifest.parts) {
      const body = await text(`${keys.prefix}${output}`);
      expect(part).toMatchObject({ bytes: body.length, crc32: hexadecimal(crc32(body)) });
    }
    const timing = Object(JSON.parse(await text(keys.timing)));
    const elapsedMs = Date.parse(timing.finishedAt) - Date.parse(timing.createdAt);
    expect(timing).toMatchObject({ elapsedMs, workMs: expect.any(Number) as unknown });
    expect(elapsedMs).toBeGreaterThan(0);
    const { lambda, sqs, s3, total } = timing.estimatedCost;
    expect(Math.min(lambda, sqs, s3)).toBeGreaterThan(0);
    expect(total).toBeCloseTo(lambda + sqs + s3, 9);
  });

  async function openTable(key: string): Promise<TableFile> {
    const head = await store.results.head(key);
    if (head === undefined) throw new Error(`expected ${key}`);
    return createTableFiles().open(key, head.sizeBytes, (start, end) =>
      store.results.read(head, start, end),
    );
  }
});
