import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { formatNpyHeader } from '../../src/protocol/formats/npy-header.ts';
import { LocalModels } from '../support/local-models.ts';
import { addConstant, identityModel } from '../support/onnx-model.ts';
import { FaultlessJobs, type JobOutcome } from './faultless-jobs.ts';

/** An array as NumPy saves it. */
function npy(descriptor: string, shape: readonly number[], data: ArrayLike<number>): Uint8Array {
  return Buffer.concat([formatNpyHeader(descriptor, shape), Uint8Array.from(data)]);
}

/** What people upload that nobody thought of. */
describe('an awkward input', () => {
  const models = new LocalModels();
  let store: FaultlessJobs;

  beforeAll(async () => {
    await models.add('adder', addConstant('FP32', [-1, 2], 10));
    await models.add('wide', addConstant('FP32', [-1, -1], 1));
    await models.add('echo', identityModel('BYTES', [-1]));
    await models.add('long', identityModel('INT64', [-1]));
    await models.add('half', identityModel('FP16', [-1, 2]));
    await models.add('bools', identityModel('BOOL', [-1, 2]));
  });
  beforeEach(() => {
    store = new FaultlessJobs(models);
  });
  afterAll(() => models.close());

  const run = (...of: Parameters<FaultlessJobs['run']>) => store.run(...of);
  const lines = ({ parts }: JobOutcome) => parts.join('').split('\n').slice(0, -1);
  const reasons = ({ errors }: JobOutcome) =>
    errors.map(({ number, code, reason }) => [number, code, reason]);
  const request = (data: readonly number[], id: string) =>
    JSON.stringify({
      id,
      inputs: [{ name: 'x', shape: [1, data.length], datatype: 'FP32', data }],
    });

  it('in another encoding than UTF-8 costs the lines that are, with the format that was expected', async () => {
    const text = await run('echo', 'words.txt', Buffer.from('one\nd\xe9j\xe0\nthree\n', 'latin1'));
    expect(lines(text)).toEqual(['"one"', '"three"']);
    const notText = 'record: expected text in UTF-8, got other bytes';
    expect(reasons(text)).toEqual([[2, 'INVALID_REQUEST', notText]]);
    const csv = await run(
      'echo',
      'words.csv',
      Buffer.from('w\none\nd\xe9j\xe0\nthree\n', 'latin1'),
    );
    expect(lines(csv)).toEqual(['"one"', '"three"']);
    const notCsv = 'body: expected CSV in UTF-8, got other bytes';
    expect(reasons(csv)).toEqual([[3, 'INVALID_REQUEST', notCsv]]);
  });

  it('of texts is texts, whatever they look like and whatever stands beside them', async () => {
    const texts = ['true love', '"Fine," she said', '5 stars', ' indented', '{', 'plain', 'null'];
    for (const shardBytes of [1, 1_000]) {
      const outcome = await run('echo', 'words.txt', texts.join('\n'), { shardBytes });
      expect(outcome.errors).toEqual([]);
      expect(lines(outcome).map((line) => JSON.parse(line) as unknown)).toEqual(texts);
    }
    // Among lines of JSON a text is what cannot begin one.
    for (const shardBytes of [1, 1_000]) {
      const text = 'plain\n"quoted"\nGrüße\n["listed"]\n5\n';
      const outcome = await run('echo', 'words.jsonl', text, { shardBytes });
      expect(lines(outcome)).toEqual(['"plain"', '"quoted"', '"Grüße"', '"listed"']);
      expect(outcome.errors).toEqual([expect.objectContaining({ number: 5 })]);
    }
  });

  it('may have records larger than a call may be, as rows and as requests', async () => {
    const padding = ' '.repeat(9 * 1024 * 1024);
    const text = `{"x":${padding}[1,2]}\n[${padding}3,4]\n${request([5, 6], 'large')}${padding}\n[7]\n`;
    const outcome = await run('adder', 'large.jsonl', text);
    expect(lines(outcome).map((line) => JSON.parse(line) as unknown)).toEqual([
      [11, 12],
      [13, 14],
      expect.objectContaining({ id: 'large' }),
    ]);
    expect(outcome.errors).toEqual([expect.objectContaining({ number: 4 })]);
    const csv = await run('adder', 'large.csv', `x,y\n1,${padding}2\n"3",4\n`);
    expect(lines(csv)).toEqual(['[11,12]', '[13,14]']);
  });

  it('may have white space before a request, as JSON may', async () => {
    const text = `  ${request([1, 2], 'a')}\n\t${request([3, 4], 'b')}\n${request([5, 6], 'c')}\n`;
    const outcome = await run('adder', 'spaced.jsonl', text);
    expect(outcome.errors).toEqual([]);
    expect(lines(outcome).map((line) => (JSON.parse(line) as { id: string }).id)).toEqual([
      'a',
      'b',
      'c',
    ]);
  });

  it('of empty texts has a line of CSV for each: a blank one would be no row', async () => {
    const outcome = await run('echo', 'words.csv', 'w\none\n""\nthree\n', {
      output: { format: 'csv' },
    });
    expect(outcome.parts).toEqual(['y\none\n""\nthree\n']);
  });

  it('of more names of columns than a message carries is refused with what else there is', async () => {
    const names = Array.from({ length: 40_000 }, (_, index) => `c${index}`).join(',');
    const refusal =
      /^data\/wide\.csv.*: expected a line of at most 196608 bytes that names the columns, got 26\d+; .*\.npy/;
    await expect(run('wide', 'wide.csv', `${names}\n1,2\n`)).rejects.toThrow(refusal);
    const packed = gzipSync(`${names}\n1,2\n`);
    await expect(run('wide', 'wide.csv.gz', packed)).rejects.toThrow(refusal);
  });

  it('of long integers without brackets keeps their digits', async () => {
    const outcome = await run('long', 'long.jsonl', '9007199254740993\n-9007199254740995\n7\n');
    expect(lines(outcome)).toEqual(['"9007199254740993"', '"-9007199254740995"', '7']);
  });

  it.each([
    ['CR alone', 'x,y\r1,2\r3,4\r', 'expected lines that end in LF or CRLF, got CR alone'],
    ['UTF-16', Buffer.from('\uFEFFx,y\n1,2\n', 'utf16le'), 'expected CSV in UTF-8, got U+0000'],
    ['rows without names', '0.5,2\n3,4\n', 'got numbers: "0.5,2"; put a line of names before'],
    ['whole rows without names', '7,7\n3,4\n', 'got numbers: "7,7"'],
  ])('of %s is refused when the job is planned, and not passed over', async (_, body, reason) => {
    const bytes = Buffer.from(body);
    await expect(run('adder', 'rows.csv', bytes)).rejects.toThrow(reason);
    await expect(run('adder', 'rows.csv.gz', gzipSync(bytes))).rejects.toThrow(reason);
  });

  it('may have columns that are called by numbers, or with a carriage return', async () => {
    expect(lines(await run('adder', 'numbers.csv', '0,1\n1,2\n'))).toEqual(['[11,12]']);
    expect(lines(await run('adder', 'years.csv', '2020,2019\n1,2\n'))).toEqual(['[11,12]']);
    const quoted = '"x\r(cm)","y"\r\n1,2\r\n';
    expect(lines(await run('adder', 'quoted.csv', quoted))).toEqual(['[11,12]']);
  });

  it('whose rows have not the columns of its model, or of its header, is told what came', async () => {
    const reasonsOf = async (csv: string) =>
      (await run('adder', 'r.csv', csv)).errors[0]?.['reason'];
    expect(await reasonsOf(',a,b\n0,1,2\n')).toBe(
      'row: expected 2 columns for [-1,2] of input "x", got 3: "", "a", "b"',
    );
    expect(await reasonsOf('a,b\n1,2\n1,2,3\n')).toBe(
      'row: expected 2 fields as the line that names the columns has, got 3',
    );
    expect(await reasonsOf('a;b\n1,5;2,5\n')).toBe(
      'row: expected 1 field as the line that names the columns has, got 3; a comma parts columns, not ";"',
    );
    const objects = await run('adder', 'objects.jsonl', '{"a":1,"b":2}\n');
    expect(objects.errors[0]?.['reason']).toBe(
      'lines[0]: expected a value, a list, or an object with "x" or "features", got an object with "a", "b"',
    );
  });

  it('whose predictions JSON cannot carry is told of the formats that can', async () => {
    const { errors } = await run('adder', 'missing.csv', 'a,b\n1,\n');
    expect(errors[0]?.['reason']).toBe(
      'output "y": element 1 is NaN, which JSON cannot carry; ask for output.format csv or parquet',
    );
    const half = await run('half', 'half.npy', npy('<f2', [1, 2], [0, 0x3e, 0, 0x40]));
    expect(half.errors[0]?.['reason']).toMatch(/FP16.*; ask for output\.format csv or parquet$/);
  });

  it('that stands beside its predictions has the values of its array, not their bits', async () => {
    const output = { joinInput: true };
    const half = npy('<f2', [1, 2], [0, 0x3e, 0, 0x40]);
    expect(lines(await run('adder', 'half.npy', half, { output }))).toEqual([
      '{"input":[1.5,2],"output":[11.5,12]}',
    ]);
    expect(lines(await run('bools', 'bools.npy', npy('|b1', [1, 2], [1, 0]), { output }))).toEqual([
      '{"input":[true,false],"output":[true,false]}',
    ]);
    const single = npy('<f4', [1, 2], new Uint8Array(Float32Array.of(0.1, 2).buffer));
    const outcome = await run('adder', 'single.npy', single, { output });
    expect(lines(outcome)).toEqual(['{"input":[0.1,2],"output":[10.1,12]}']);
  });

  it('of values a row whose number varies are JSON in a cell, each read back as it is', async () => {
    const csv = await run('wide', 'wide.csv', 'a,b\n0.1,inf\n', { output: { format: 'csv' } });
    expect(csv.parts).toEqual(['y\n"[1.1,""Infinity""]"\n']);
  });

  it('that is no array, or of another kind, is named with what came', async () => {
    await expect(run('adder', 'rows.npy', 'not numpy')).rejects.toThrow(/^data\/rows\.npy: /);
    const bytes = new Uint8Array(16);
    for (const [descriptor, shape, reason] of [
      [
        '>f4',
        [2, 2],
        "little-endian array, got a big-endian one; save it with array.astype('<f4')",
      ],
      ['<U2', [2], /expected numbers \(b1, .*\), got U8/],
      ['<f4', [2, 0], 'rows that hold something, got [2,0]'],
      ['<f4', [], 'at least one dimension, and rows that hold something, got []'],
      ['<f4', [3, 2], /expected \d+ bytes for shape \[3,2\], got \d+/],
    ] as const) {
      await expect(run('adder', 'rows.npy', npy(descriptor, shape, bytes))).rejects.toThrow(reason);
    }
  });

  it('for outputs that the model has not fails as a whole, and says which there are', async () => {
    await expect(
      run('adder', 'rows.jsonl', '[1,2]\n', { output: { names: ['y', 'z'] } }),
    ).rejects.toThrow('output.names: expected outputs of model adder version 1 ("y"), got "z"');
  });
});
