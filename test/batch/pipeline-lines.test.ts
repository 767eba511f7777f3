import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseDocument } from '../../src/batch/document.ts';
import { parseJobRequest } from '../../src/batch/job-request.ts';
import { createJob, getJob } from '../../src/batch/jobs.ts';
import type { TransformContext } from '../../src/batch/ports.ts';
import { shardMessageSchema } from '../../src/batch/shard.ts';
import { transformShard } from '../../src/batch/transform-shard.ts';
import { jobKeys } from '../../src/contract/job-keys.ts';
import { maximumTextBytes } from '../../src/protocol/body.ts';
import { type CallFunction, startApiFunction } from './api-function.ts';
import { type Laptop, receive, shardQueue, startLaptop } from './laptop.ts';
import { drain, example, linesOf, newProcess } from './pipeline-laptop.ts';

const picture = example('image-classification/digits.png');
const base64 = picture.toString('base64');

/** A graph of one step. */
const graph = {
  type: 'pipeline',
  steps: [{ name: 'digit', operation: 'predict', model: 'digits', images: 'request' }],
  output: { items: ['digit'] },
};

/** Lines of JSON that are requests of the predict route, over the wire of real S3 and SQS servers. */
describe('a job of lines for a pipeline', () => {
  let laptop: Laptop;
  let call: CallFunction;

  beforeEach(async () => {
    laptop = await startLaptop();
    const { models, jobs } = laptop;
    await models.put('digits/1/model.onnx', example('models/digits/1/model.onnx'));
    await models.put('digits/config.json', example('models/digits/config.json'));
    await models.put('graph/config.json', JSON.stringify({ task: graph }));
    await jobs.put('data/digits.png', picture);
    call = await startApiFunction(laptop);
  });
  afterEach(() => laptop.close());

  const good = [
    { inputs: base64 },
    { inputs: { base64 }, parameters: { top_k: 1 } },
    { inputs: [{ s3: 's3://jobs/data/digits.png' }, base64] },
  ];
  const bad: readonly (string | object)[] = [
    'no JSON',
    { image: base64 },
    { inputs: 'not base64!' },
    { inputs: Buffer.from('no picture').toString('base64') },
    { inputs: [base64, { s3: 's3://jobs/data/later.png' }] },
    { inputs: { s3: 's3://models/digits/config.json' } },
    [base64],
  ];
  const textOf = (line: string | object) =>
    typeof line === 'string' ? line : JSON.stringify(line);

  async function submit(lines: readonly (string | object)[], options: object = {}) {
    await laptop.jobs.put('data/requests.jsonl', lines.map((line) => `${textOf(line)}\n`).join(''));
    const request = { model: 'graph', input: { key: 'data/requests.jsonl' }, ...options };
    const { jobId } = await createJob(newProcess(laptop), parseJobRequest(request));
    return jobId;
  }

  const answerOf = async (line: string | object) =>
    call('POST', '/v2/models/graph/predict', textOf(line), { 'content-type': 'application/json' });

  it('answers each line as the route answers it, and blames each that the route refuses, with its reason', async () => {
    const jobId = await submit([...good, ...bad, ...good], {
      output: { merge: true },
      shardBytes: 2 * base64.length,
    });
    await drain(laptop);
    expect(await getJob(newProcess(laptop), jobId)).toMatchObject({
      state: 'completed',
      figures: { records: 2 * good.length + bad.length, failed: bad.length },
    });
    const answers = (await Promise.all(good.map(answerOf))).map(({ document }) => document);
    expect(answers[2]).toMatchObject({ model_name: 'graph', predictions: [{}, {}] });
    expect(await linesOf(laptop, jobKeys(jobId).mergedOutput('jsonl'))).toEqual([
      ...answers,
      ...answers,
    ]);
    const refusals = await Promise.all(bad.map(answerOf));
    expect(refusals.map(({ status }) => status)).toEqual([400, 400, 400, 415, 404, 400, 400]);
    expect(await linesOf(laptop, jobKeys(jobId).mergedErrors)).toMatchObject(
      refusals.map(({ document: { error, code } }, index) => ({
        input: 'data/requests.jsonl',
        number: good.length + index + 1,
        reason: error,
        code,
      })),
    );
  }, 60_000);

  it('answers lines that are longer than a call may be', async () => {
    const line = `{"inputs":"${base64}"${' '.repeat(maximumTextBytes)}}`;
    const jobId = await submit([line, { inputs: base64 }], { output: { merge: true } });
    await drain(laptop);
    const answer = (await answerOf({ inputs: base64 })).document;
    expect(await linesOf(laptop, jobKeys(jobId).mergedOutput('jsonl'))).toEqual([answer, answer]);
  }, 60_000);

  it('runs its failed lines again, where what they refer to has come', async () => {
    const first = await submit([...good, ...bad]);
    await drain(laptop);
    await laptop.jobs.put('data/later.png', picture);
    const again = parseJobRequest({ model: 'graph', input: { errorsOf: first } });
    const { jobId } = await createJob(newProcess(laptop), again);
    await drain(laptop);
    expect(await getJob(newProcess(laptop), jobId)).toMatchObject({
      state: 'completed',
      figures: { records: bad.length, failed: bad.length - 1 },
    });
  }, 60_000);

  it('writes the answers as a column beside the input, where columns are asked for', async () => {
    const reference = { inputs: { s3: 's3://jobs/data/digits.png' } };
    const output = { format: 'csv', merge: true, joinInput: true };
    const jobId = await submit([reference], { output });
    await drain(laptop);
    const { body = [] } = (await laptop.results.get(jobKeys(jobId).mergedOutput('csv'))) ?? {};
    const [header, line] = Buffer.from(body).toString().split('\n');
    expect(header).toBe('input,id,prediction');
    const quoted = (value: unknown) => `"${JSON.stringify(value).replaceAll('"', '""')}"`;
    const { document } = await answerOf(reference);
    expect(line).toBe(`${quoted(reference)},,${quoted(document)}`);
  }, 60_000);

  it('takes pictures beside lines, each in its own form', async () => {
    await laptop.jobs.put('data/mixed/a.jsonl', JSON.stringify({ inputs: base64 }));
    await laptop.jobs.put('data/mixed/b.png', picture);
    const request = { model: 'graph', input: { prefix: 'data/mixed/' }, output: { merge: true } };
    const { jobId } = await createJob(newProcess(laptop), parseJobRequest(request));
    await drain(laptop);
    const { predictions } = (await answerOf({ inputs: base64 })).document;
    const [prediction] = predictions as readonly unknown[];
    expect(await linesOf(laptop, jobKeys(jobId).mergedOutput('jsonl'))).toMatchObject([
      { model_name: 'graph', predictions: [prediction] },
      { key: 'data/mixed/b.png', prediction },
    ]);
  }, 60_000);

  it('fails, and blames no line, when a stage is replaced while it works at several pictures', async () => {
    const jobId = await submit([{ inputs: [base64, base64, base64] }]);
    const worker = newProcess(laptop);
    const message = await receive(laptop, shardQueue);
    let acquired = 0;
    // The stage is looked at before the first line; the replacement comes behind the first of its pictures.
    const models: TransformContext['models'] = {
      resolve: (reference) => worker.models.resolve(reference),
      describe: (model) => worker.models.describe(model),
      acquire: async (reference) => {
        acquired += 1;
        const lease = await worker.models.acquire(reference);
        if (acquired <= 2) return lease;
        return { ...lease, pinned: { ...lease.pinned, fingerprint: 'another' } };
      },
    };
    const delivery = {
      message: parseDocument(shardMessageSchema, message?.Body ?? '', 'shard message'),
      receiveCount: 1,
      deadlineMs: Date.now() + 900_000,
    };
    expect(await transformShard({ ...worker, models }, delivery)).toBe('stopped');
    expect(await getJob(newProcess(laptop), jobId)).toMatchObject({
      state: 'failed',
      reason: 'model digits version 1 was replaced after the job was planned',
      figures: { failed: 0 },
    });
  }, 60_000);
});
