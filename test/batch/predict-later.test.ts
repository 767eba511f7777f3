import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readJob } from '../../src/batch/job.ts';
import { jobKeys } from '../../src/contract/job-keys.ts';
import { type CallFunction, startApiFunction } from './api-function.ts';
import type { Laptop } from './laptop.ts';
import {
  asset,
  drain,
  example,
  goldenText,
  linesOf,
  pinnedPage,
  putUnfitStages,
  startPipelineLaptop,
} from './pipeline-laptop.ts';

const page = example('document-reading/pages/label.png');
const later = { prefer: 'respond-async' };
const png = { 'content-type': 'image/png' };

/** The api function over the wire of real S3 and SQS servers, and workers beside it. */
describe('a prediction that is answered later', () => {
  let laptop: Laptop;
  let call: CallFunction;

  beforeEach(async () => {
    laptop = await startPipelineLaptop();
    const { models } = laptop;
    await models.put('digits/1/model.onnx', example('models/digits/1/model.onnx'));
    await models.put('digits/config.json', example('models/digits/config.json'));
    await models.put('wine/1/model.onnx', example('models/wine/1/model.onnx'));
    await models.put('wine/config.json', example('models/wine/config.json'));
    await models.put('plain/1/model.onnx', example('models/wine/1/model.onnx'));
    call = await startApiFunction(laptop);
  });
  afterEach(() => laptop.close());

  async function accepted(
    path: string,
    body: Uint8Array | string | object,
    headers: Readonly<Record<string, string>>,
  ) {
    const response = await call('POST', path, body, { ...headers, ...later });
    expect(response).toMatchObject({
      status: 202,
      headers: {
        location: `/v2/jobs/${String(response.document['id'])}/result`,
        'preference-applied': 'respond-async',
      },
      document: { state: 'running', source: 'request' },
    });
    return {
      jobId: String(response.document['id']),
      location: String(response.headers['location']),
    };
  }

  it('is that of a pipeline as a call has it, from a version of each stage that is pinned', async () => {
    const { jobId, location } = await accepted('/v2/models/ocr-page/predict', page, png);
    expect(await call('GET', location)).toMatchObject({
      status: 202,
      headers: { 'retry-after': '1' },
      document: { state: 'running' },
    });
    const { model } = await readJob(laptop.results, jobKeys(jobId));
    expect(model).toMatchObject(pinnedPage);
    await putUnfitStages(laptop);
    await drain(laptop);
    const { status, headers, document } = await call('GET', location);
    expect({ status, type: headers['content-type'] }).toEqual({
      status: 200,
      type: 'application/json',
    });
    expect(document).toMatchObject({
      model_name: 'ocr-page',
      model_version: '1',
      task: 'pipeline',
      predictions: [{ text: goldenText('label') }],
    });
  }, 60_000);

  it('takes what the route takes: JSON over several lines, and objects of the jobs bucket', async () => {
    await laptop.jobs.put('data/label.png', page);
    const text = goldenText('label');
    const body = {
      inputs: [{ base64: page.toString('base64') }, { s3: 's3://jobs/data/label.png' }],
    };
    const { location } = await accepted(
      '/v2/models/ocr-page/versions/1/predict',
      JSON.stringify(body, undefined, 2),
      { 'content-type': 'application/json; charset=utf-8' },
    );
    await drain(laptop);
    expect(await call('GET', location)).toMatchObject({
      status: 200,
      document: { predictions: [{ text }, { text }] },
    });
  }, 60_000);

  it('says that a stage was replaced since', async () => {
    const { location } = await accepted('/v2/models/ocr-page/predict', page, png);
    await laptop.models.put('ocr-classifier/1/model.onnx', asset('ch_PP-OCRv4_det_infer.onnx'));
    await drain(laptop);
    expect(await call('GET', location)).toMatchObject({
      status: 409,
      document: {
        error: expect.stringContaining('ocr-classifier version 1 was replaced') as unknown,
      },
    });
  }, 60_000);

  it('fails as the call would have', async () => {
    const { location } = await accepted('/v2/models/ocr-page/predict', 'no picture', png);
    await drain(laptop);
    const failed = await call('GET', location);
    const now = await call('POST', '/v2/models/ocr-page/predict', 'no picture', png);
    expect(now.status).toBe(415);
    expect({ status: failed.status, document: failed.document }).toEqual({
      status: now.status,
      document: now.document,
    });
  }, 60_000);

  it('is the same for a model with a task of its own, whatever form its input has', async () => {
    const names = Object.keys(
      Object.fromEntries(
        (
          JSON.parse(example('models/wine/config.json').toString()) as {
            task: { columns: { name: string }[] };
          }
        ).task.columns.map(({ name }) => [name, 0]),
      ),
    );
    const row = names.map((_, index) => index + 0.5);
    const csv = `${names.join(',')}\n${row.join(',')}\n${row.join(',')}\n`;
    const bodies: readonly [string, Uint8Array | string, Readonly<Record<string, string>>][] = [
      ['digits', example('image-classification/digits.png'), png],
      ['wine', csv, { 'content-type': 'text/csv' }],
      [
        'wine',
        JSON.stringify({
          inputs: Object.fromEntries(names.map((name, index) => [name, row[index]])),
          parameters: { top_k: 1 },
        }),
        { 'content-type': 'application/json' },
      ],
    ];
    for (const [model, body, headers] of bodies) {
      const path = `/v2/models/${model}/predict`;
      const now = await call('POST', path, body, headers);
      expect(now.status).toBe(200);
      const { location } = await accepted(path, body, headers);
      await drain(laptop);
      expect((await call('GET', location)).document).toEqual(now.document);
    }
  }, 60_000);

  it('runs again as a request of its route when its job is of the failed records of another', async () => {
    const picture = example('image-classification/digits.png');
    const request = { inputs: { s3: 's3://jobs/data/late.png' }, parameters: { top_k: 2 } };
    const json = { 'content-type': 'application/json' };
    const { jobId, location } = await accepted('/v2/models/digits/predict', request, json);
    await drain(laptop);
    expect((await call('GET', location)).status).toBe(404);

    /** The records of a job of the failed ones of another, and that job's id. */
    const again = async (errorsOf: string, output: object) => {
      const asked = { model: 'digits', input: { errorsOf }, output: { merge: true, ...output } };
      const { status, document } = await call('POST', '/v2/jobs', asked);
      expect(status).toBe(202);
      await drain(laptop);
      const id = String(document['id']);
      return { id, records: (await call('GET', `/v2/jobs/${id}`)).document['records'] };
    };
    const failed = await again(jobId, {});
    expect(failed.records).toMatchObject({ done: 1, failed: 1 });
    await laptop.jobs.put('data/late.png', picture);
    const answer = (await call('POST', '/v2/models/digits/predict', request, json)).document;
    expect(answer).toMatchObject({ task: 'image-classification' });
    const lines = await again(failed.id, {});
    expect(lines.records).toMatchObject({ done: 1, failed: 0 });
    expect(await linesOf(laptop, jobKeys(lines.id).mergedOutput('jsonl'))).toEqual([answer]);
    const table = await again(jobId, { format: 'csv' });
    const { body = [] } = (await laptop.results.get(jobKeys(table.id).mergedOutput('csv'))) ?? {};
    expect(Buffer.from(body).toString()).toContain(JSON.stringify(answer).replaceAll('"', '""'));

    const { jobId: inferred } = await accepted('/v2/models/plain/infer', { inputs: [] }, {});
    for (const [model, errorsOf, reason] of [
      ['plain', jobId, 'the predict route, and model plain declares no task'],
      ['ocr-page', inferred, 'the infer route, and model ocr-page is a pipeline'],
    ] as const) {
      const refused = await call('POST', '/v2/jobs', { model, input: { errorsOf } });
      expect(refused).toMatchObject({
        status: 400,
        document: { error: `input.errorsOf: that job was of a request of ${reason}` },
      });
    }
  }, 60_000);

  it('is refused at once for what no later answer would be to', async () => {
    const refusals: [string, Uint8Array | string, Record<string, string>, number, RegExp][] = [
      ['ocr-page', 'no JSON', {}, 400, /^body: expected JSON/],
      ['ocr-page', '{"image":"aGVsbG8="}', {}, 400, /^body: expected inputs and parameters/],
      ['ocr-page', '{"inputs":"***"}', {}, 400, /^inputs: expected base64/],
      ['ocr-page', 'a text', { 'content-type': 'text/plain' }, 400, /^Content-Type: .*image/],
      ['ocr-page', page, { ...png, accept: 'image/png' }, 406, /^Accept/],
      ['ocr-page/versions/2', page, png, 404, /has no version 2/],
      ['none', page, png, 404, /none/],
      ['plain', page, png, 400, /declares no task/],
    ];
    for (const [model, body, headers, status, error] of refusals) {
      const response = await call('POST', `/v2/models/${model}/predict`, body, {
        ...headers,
        ...later,
      });
      expect(response, `${model} ${error}`).toMatchObject({
        status,
        document: { error: expect.stringMatching(error) as unknown },
      });
    }
    const tensors = { inputs: [] };
    const now = await call('POST', '/v2/models/ocr-page/infer', tensors);
    const deferred = await call('POST', '/v2/models/ocr-page/infer', tensors, later);
    expect(now.status).toBe(400);
    expect(deferred.document).toEqual(now.document);
    expect((await laptop.results.list('jobs/')).objects).toEqual([]);
  }, 60_000);
});
