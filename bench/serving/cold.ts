import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { prepareArtefact } from '../../cli/prepare.ts';
import { publishModel } from '../../cli/publish.ts';
import { bundleFunctions } from '../../infra/bundle.ts';
import { compileFunctions } from '../../local/compile-functions.ts';
import type { FunctionSettings } from '../../local/lambda/function-settings.ts';
import { startLambda } from '../../local/lambda/service.ts';
import { onnxRuntimeDir, projectRoot } from '../../local/paths.ts';
import { startS3 } from '../../local/s3/server.ts';
import { laptopS3Client } from '../../local/sample-models.ts';
import { environmentVariables } from '../../src/contract/environment.ts';
import { denseModel } from '../../test/support/onnx-model.ts';
import { median, printTable } from '../measure.ts';
import { coldParts } from './cold/parts.ts';
import { resNet18 } from './models/convolutional.ts';

/**
 * A cold start, from no process to the first answer, with a model of 45 MB in the laptop's S3: the api function as it
 * is bundled, and compiled ahead as in the image, with a bare model, with a prepared artefact, and with that as default
 * model, beside a naive handler and beside the parts that no handler can do without. Run: npm run bench -- serving/cold
 *
 * Two models, for what there is to prepare differs: ResNet-18, whose graph is optimised and its weights laid out anew
 * at each load unless that was done before, and a perceptron of three matrices, where there is nothing to optimise.
 */
const rounds = 9;
const folder = mkdtempSync(join(tmpdir(), 'pilotlight-cold-'));
const networks = [
  { name: 'resnet18', onnx: resNet18(), shape: [1, 3, 32, 32] },
  { name: 'perceptron', onnx: denseModel([1024, 2560, 2560, 512]), shape: [1, 1024] },
] as const;
type Network = (typeof networks)[number];

const s3 = await startS3({ dataDir: join(folder, 's3'), buckets: [{ name: 'models' }] });
const client = laptopS3Client(s3.url);
const awsVariables = {
  AWS_ENDPOINT_URL_S3: s3.url,
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'bench',
  AWS_SECRET_ACCESS_KEY: 'bench',
  ORT_DISABLE_TELEMETRY: '1',
};
const parts = coldParts(awsVariables);
for (const { name, onnx } of networks) {
  const source = join(folder, `${name}.onnx`);
  writeFileSync(source, onnx);
  mkdirSync(join(folder, name));
  await prepareArtefact(source, join(folder, name));
  const published = { bucket: 'models', source, onUpload: () => undefined };
  await publishModel(client, { ...published, model: `${name}-bare`, prepare: false });
  await publishModel(client, { ...published, model: `${name}-prepared`, prepare: true });
}

await bundleFunctions();
await compileFunctions(join(projectRoot, 'dist/functions'), onnxRuntimeDir());
await build({
  entryPoints: [join(projectRoot, 'bench/serving/cold/naive-handler.ts')],
  // Inside the project, so that node_modules is found: a zip with its dependencies beside the handler.
  outfile: join(projectRoot, 'dist/bench/naive/handler.mjs'),
  bundle: true,
  packages: 'external',
  platform: 'node',
  format: 'esm',
  logLevel: 'error',
});

const common = { memoryMiB: 1769, timeoutMs: 60_000 };

function apiFunction(name: string, defaultModel: string): FunctionSettings {
  return {
    ...common,
    name,
    handler: 'api/handler.handler',
    taskRoot: join(projectRoot, 'dist/functions'),
    variables: ({ temporaryDir }) => ({
      ...awsVariables,
      POWERTOOLS_SERVICE_NAME: 'api',
      [environmentVariables.onnxRuntimeDir]: onnxRuntimeDir(),
      [environmentVariables.modelsBucket]: 'models',
      [environmentVariables.modelCacheDir]: join(temporaryDir, 'models'),
      [environmentVariables.defaultModel]: defaultModel,
    }),
  };
}

function naiveFunction(network: string): FunctionSettings {
  return {
    ...common,
    name: `naive-${network}`,
    handler: 'naive/handler.handler',
    taskRoot: join(projectRoot, 'dist/bench'),
    variables: () => ({ ...awsVariables, BUCKET: 'models', KEY: `${network}-bare/1/model.onnx` }),
  };
}

const lambda = await startLambda({
  functions: [
    apiFunction('api', ''),
    ...networks.flatMap(({ name }) => [
      apiFunction(`default-${name}`, `${name}-prepared`),
      naiveFunction(name),
    ]),
  ],
  temporaryDir: join(folder, 'tmp'),
  logsDir: join(folder, 'logs'),
});

function event(model: string, shape: readonly number[]): string {
  const path = `/v2/models/${model}/infer`;
  const count = shape.reduce((product, dimension) => product * dimension, 1);
  const data = Array(count).fill(0.5);
  return JSON.stringify({
    version: '2.0',
    rawPath: path,
    rawQueryString: '',
    headers: { 'content-type': 'application/json' },
    requestContext: { http: { method: 'POST', path }, requestId: 'bench', stage: '$default' },
    body: JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape, data }] }),
    isBase64Encoded: false,
  });
}

async function coldCall(functionName: string, payload: string): Promise<number> {
  await lambda.recycle(functionName);
  const startMs = performance.now();
  const result = await lambda.invoke(functionName, payload);
  const elapsedMs = performance.now() - startMs;
  if (result.kind !== 'success' || !result.payload.includes('"statusCode":200')) {
    throw new Error(`${functionName}: ${JSON.stringify(result).slice(0, 400)}`);
  }
  // It would take its share of the processor from the next one.
  await lambda.recycle(functionName);
  return elapsedMs;
}

/** The model from the same S3 to disk in one stream, in this process. */
async function download(network: string): Promise<number> {
  const startMs = performance.now();
  const response = await fetch(`${s3.url}/models/${network}-bare/1/model.onnx`);
  mkdirSync(join(folder, 'down'), { recursive: true });
  writeFileSync(join(folder, 'down', 'model.onnx'), new Uint8Array(await response.arrayBuffer()));
  return performance.now() - startMs;
}

const boot = 'boot, bundle, first session';
const downloading = 'download to disk';
const preparedSession = 'session of the prepared artefact';
const naive = 'naive handler';

async function measureOnce({ name, shape }: Network): Promise<[string, number][]> {
  const prepared = event(`${name}-prepared`, shape);
  const bare = event(`${name}-bare`, shape);
  return [
    [boot, parts.boot(join(folder, 'boot'))],
    [downloading, await download(name)],
    [preparedSession, parts.session(join(folder, name, 'model.onnx'), 'disabled')],
    ['session of the bare model', parts.session(join(folder, `${name}.onnx`), 'all')],
    ['Pilotlight, prepared', await coldCall('api', prepared)],
    ['Pilotlight, prepared, as default model', await coldCall(`default-${name}`, prepared)],
    ['Pilotlight, bare', await coldCall('api', bare)],
    [naive, await coldCall(`naive-${name}`, bare)],
  ];
}

for (const network of networks) {
  const times = new Map<string, number[]>();
  for (let round = -1; round < rounds; round++) {
    for (const [name, ms] of await measureOnce(network)) {
      if (round >= 0) times.set(name, [...(times.get(name) ?? []), ms]);
    }
  }
  // The best of the rounds: nothing makes a start faster than it is, and much on a busy machine makes it slower.
  const bestOf = (name: string) => Math.min(...(times.get(name) ?? []));
  const floorMs = Math.max(bestOf(boot), bestOf(downloading)) + bestOf(preparedSession);
  const row = (name: string, medianMs: string, bestMs: number) => [
    name,
    medianMs,
    bestMs.toFixed(0),
    (bestMs / floorMs).toFixed(2),
    (bestMs / bestOf(naive)).toFixed(2),
  ];
  console.log(`\n${network.name}, ${(network.onnx.byteLength / 1e6).toFixed(0)} MB\n`);
  printTable(
    ['', 'median ms', 'best ms', 'to the floor', 'to the naive handler'],
    [
      ...Array.from(times, ([name, ms]) => row(name, median(ms).toFixed(0), bestOf(name))),
      row('floor: the longer of boot and download, and the prepared session', '', floorMs),
    ],
  );
}

await lambda.close();
client.destroy();
await s3.close();
rmSync(folder, { recursive: true, force: true });
