import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseDocument } from '../../src/batch/document.ts';
import { parseJobRequest } from '../../src/batch/job-request.ts';
import { createJob, getJob } from '../../src/batch/jobs.ts';
import type { TransformContext } from '../../src/batch/ports.ts';
import { shardMessageSchema } from '../../src/batch/shard.ts';
import { transformShard } from '../../src/batch/transform-shard.ts';
import { jobKeys } from '../../src/contract/job-keys.ts';
import { type Laptop, receive, shardQueue } from './laptop.ts';
import {
  asset,
  drain,
  example,
  goldenText,
  linesOf,
  newProcess,
  pinnedPage,
  putUnfitStages,
  startPipelineLaptop,
} from './pipeline-laptop.ts';

/** Detector, classifier and recogniser of text, over the wire of real S3 and SQS servers. */
describe('a job for a pipeline', () => {
  let laptop: Laptop;

  beforeEach(async () => {
    laptop = await startPipelineLaptop();
    const { jobs } = laptop;
    const pages = ['label', 'nothing', 'same'];
    for (const name of pages.filter((page) => page !== 'nothing')) {
      await jobs.put(`data/pages/${name}.png`, example('document-reading/pages/label.png'));
    }
    await jobs.put('data/pages/nothing.png', 'no picture');
  });
  afterEach(() => laptop.close());

  const request = { input: { prefix: 'data/pages/' }, output: { merge: true }, shardRecords: 1 };

  const create = (model: string, version?: string) =>
    createJob(newProcess(laptop), parseJobRequest({ model, version, ...request }));

  it('reads every page, and names the one that is none', async () => {
    const { jobId } = await create('ocr-page');
    await drain(laptop);
    expect(await getJob(newProcess(laptop), jobId)).toMatchObject({
      state: 'completed',
      figures: { records: 3, failed: 1 },
    });
    const read = await linesOf(laptop, jobKeys(jobId).mergedOutput('jsonl'));
    const text = goldenText('label');
    expect(read).toMatchObject([
      { key: 'data/pages/label.png', prediction: { text } },
      { key: 'data/pages/same.png', prediction: { text } },
    ]);
    expect(await linesOf(laptop, jobKeys(jobId).mergedErrors)).toMatchObject([
      { input: 'data/pages/nothing.png', code: 'UNSUPPORTED_MEDIA_TYPE' },
    ]);
    const manifest = Buffer.from((await laptop.results.get(jobKeys(jobId).manifest))?.body ?? []);
    expect(JSON.parse(manifest.toString())).toMatchObject({
      model: pinnedPage,
    });
  }, 60_000);

  it('cuts its shards by what its pages took the time before', async () => {
    const uncut = parseJobRequest({ model: 'ocr-page', input: request.input });
    const first = await createJob(newProcess(laptop), uncut);
    expect(first.job).toMatchObject({ shardRecords: 30 });
    // Pages take a hundred times as long as here, and so surely more than the second that was assumed.
    const startMs = Date.now();
    await drain(laptop, () => startMs + 100 * (Date.now() - startMs));
    expect(await getJob(newProcess(laptop), first.jobId)).toMatchObject({ state: 'completed' });
    const second = await createJob(newProcess(laptop), uncut);
    expect(second.job?.shardRecords).toBeLessThan(30);
  }, 60_000);

  it('keeps to the versions that it was planned with, whatever aliases and newer versions say', async () => {
    const { models } = laptop;
    const page = example('models/ocr-page/config.json').toString();
    const named = page.replace('"model": "ocr-recogniser"', '$&, "version": "live"');
    await models.put('ocr-page/config.json', named);
    const recogniser = JSON.parse(
      example('models/ocr-recogniser/config.json').toString(),
    ) as object;
    const pointTo = (version: string) =>
      models.put(
        'ocr-recogniser/config.json',
        JSON.stringify({ ...recogniser, aliases: { live: version } }),
      );
    await pointTo('1');
    const { jobId, job } = await create('ocr-page');
    expect(
      job?.model.stages?.map(({ model, named: word, version }) => [model, word, version]),
    ).toEqual([
      ['ocr-detector', undefined, '1'],
      ['ocr-classifier', undefined, '1'],
      ['ocr-recogniser', 'live', '1'],
    ]);
    await putUnfitStages(laptop);
    await pointTo('2');
    await drain(laptop);
    expect(await getJob(newProcess(laptop), jobId)).toMatchObject({
      state: 'completed',
      reason: undefined,
      figures: { records: 3, failed: 1 },
    });
  }, 60_000);

  it('fails once, with the reason, when a stage or the pipeline was replaced', async () => {
    const replaced = 'was replaced after the job was planned';
    const first = await create('ocr-page');
    await laptop.models.put('ocr-classifier/1/model.onnx', asset('ch_PP-OCRv4_det_infer.onnx'));
    await drain(laptop);
    expect(await getJob(newProcess(laptop), first.jobId)).toMatchObject({
      state: 'failed',
      reason: `model ocr-classifier version 1 ${replaced}`,
      figures: { records: 0 },
    });
    const second = await create('ocr-page');
    const page = example('models/ocr-page/config.json').toString();
    await laptop.models.put('ocr-page/config.json', page.replace('0.9', '0.8'));
    await drain(laptop);
    expect(await getJob(newProcess(laptop), second.jobId)).toMatchObject({
      state: 'failed',
      reason: `model ocr-page version 1 ${replaced}`,
    });
  }, 60_000);

  it('fails, and blames no page, when a stage is replaced while it works', async () => {
    const { jobId } = await create('ocr-page');
    const worker = newProcess(laptop);
    const message = await receive(laptop, shardQueue);
    const acquired: string[] = [];
    const delivery = {
      message: parseDocument(shardMessageSchema, message?.Body ?? '', 'shard message'),
      receiveCount: 1,
      deadlineMs: Date.now() + 900_000,
    };
    // Each stage is looked at before the first page; the replacement comes behind that.
    const models: TransformContext['models'] = {
      resolve: (reference) => worker.models.resolve(reference),
      describe: (model) => worker.models.describe(model),
      acquire: async (reference) => {
        acquired.push(reference.model);
        const lease = await worker.models.acquire(reference);
        if (acquired.length <= 5 || reference.model !== 'ocr-recogniser') return lease;
        return { ...lease, pinned: { ...lease.pinned, fingerprint: 'another' } };
      },
    };
    expect(await transformShard({ ...worker, models }, delivery)).toBe('stopped');
    expect(acquired.length).toBeGreaterThan(5);
    expect(await getJob(newProcess(laptop), jobId)).toMatchObject({
      state: 'failed',
      reason: 'model ocr-recogniser version 1 was replaced after the job was planned',
    });
  }, 60_000);

  it('is refused for a version that a pipeline does not have, and for a stage that is not there', async () => {
    await expect(create('ocr-page', '2')).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: 'model ocr-page has no version 2',
    });
    const page = example('models/ocr-page/config.json').toString();
    await laptop.models.put('ocr-page/config.json', page.replace('ocr-classifier', 'none'));
    await expect(create('ocr-page')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});
