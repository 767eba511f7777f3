import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LocalModels } from '../support/local-models.ts';
import { addConstant, identityModel } from '../support/onnx-model.ts';
import { FaultlessJobs, type JobOutcome } from './faultless-jobs.ts';

/** What people upload that nobody thought of. */
describe('an awkward input', () => {
  const models = new LocalModels();
  let store: FaultlessJobs;

  beforeAll(async () => {
    await models.add('adder', addConstant('FP32', [-1, 2], 10));
    await models.add('wide', addConstant('FP32', [-1, -1], 1));
    await models.add('echo', identityModel('BYTES', [-1]));
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

  it('that is no array is named', async () => {
    await expect(run('adder', 'rows.npy', 'not numpy')).rejects.toThrow(/^data\/rows\.npy: /);
  });

  it('for outputs that the model has not fails as a whole, and says which there are', async () => {
    await expect(
      run('adder', 'rows.jsonl', '[1,2]\n', { output: { names: ['y', 'z'] } }),
    ).rejects.toThrow('output.names: expected outputs of model adder version 1 ("y"), got "z"');
  });
});
