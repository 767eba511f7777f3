import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { moveAlias } from '../../cli/alias.ts';
import { publishModel } from '../../cli/publish.ts';
import { bundleFunctions } from '../../infra/bundle.ts';
import type { FunctionSettings } from '../../local/lambda/function-runtime.ts';
import { startLambda } from '../../local/lambda/service.ts';
import { startS3 } from '../../local/s3/server.ts';
import { laptopS3Client } from '../../local/sample-models.ts';
import { environmentVariables } from '../../src/contract/environment.ts';
import { denseModel } from '../../test/support/onnx-model.ts';
import { median, printTable } from '../measure.ts';

/**
 * A cold start, from no process to the first answer, with a model of 45 MB in the laptop's S3: the api function as it
 * is bundled, with a bare model and with a prepared artefact, beside a naive handler and beside the parts that no
 * handler can do without. Run: npm run bench -- serving/cold
 */
const rounds = 9;
const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'pilotlight-cold-'));
const onnxRuntimeDir = join(
  root,
  `node_modules/onnxruntime-node/bin/napi-v6/${process.platform}/${process.arch}`,
);

const model = denseModel([1024, 2560, 2560, 512]);
const modelPath = join(folder, 'model.onnx');
writeFileSync(modelPath, model);
const s3 = await startS3({ dataDir: join(folder, 's3'), buckets: [{ name: 'models' }] });
const client = laptopS3Client(s3.url);
const published = { bucket: 'models', source: modelPath, onUpload: () => undefined };
await publishModel(client, { ...published, model: 'bare', prepare: false });
await publishModel(client, { ...published, model: 'prepared', prepare: true });
await moveAlias(client, { bucket: 'models', model: 'prepared', alias: 'stable', version: '1' });
const prepared = join(folder, 'prepared.onnx');

await bundleFunctions();
await build({
  entryPoints: [join(root, 'bench/serving/naive/handler.ts')],
  // Inside the project, so that node_modules is found: a zip with its dependencies beside the handler.
  outfile: join(root, 'dist/bench/naive/handler.mjs'),
  bundle: true,
  packages: 'external',
  platform: 'node',
  format: 'esm',
  logLevel: 'error',
});

const awsVariables = {
  AWS_ENDPOINT_URL_S3: s3.url,
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'bench',
  AWS_SECRET_ACCESS_KEY: 'bench',
  ORT_DISABLE_TELEMETRY: '1',
};
const common = { memoryMiB: 1769, timeoutMs: 60_000 };
const apiFunction: FunctionSettings = {
  ...common,
  name: 'api',
  handler: 'api/handler.handler',
  taskRoot: join(root, 'dist/functions'),
  variables: ({ temporaryDir }) => ({
    ...awsVariables,
    POWERTOOLS_SERVICE_NAME: 'api',
    [environmentVariables.onnxRuntimeDir]: onnxRuntimeDir,
    [environmentVariables.modelsBucket]: 'models',
    [environmentVariables.modelCacheDir]: join(temporaryDir, 'models'),
  }),
};
const functions: FunctionSettings[] = [
  apiFunction,
  {
    ...apiFunction,
    name: 'preloading',
    variables: (environment) => ({
      ...apiFunction.variables(environment),
      [environmentVariables.defaultModel]: 'prepared',
    }),
  },
  {
    ...common,
    name: 'naive',
    handler: 'naive/handler.handler',
    taskRoot: join(root, 'dist/bench'),
    variables: () => ({ ...awsVariables, BUCKET: 'models', KEY: 'bare/1/model.onnx' }),
  },
];
const lambda = await startLambda({
  functions,
  temporaryDir: join(folder, 'tmp'),
  logsDir: join(folder, 'logs'),
});

const body = JSON.stringify({
  inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 1024], data: Array(1024).fill(0.5) }],
});

function event(name: string): string {
  const path = `/v2/models/${name}/infer`;
  return JSON.stringify({
    version: '2.0',
    rawPath: path,
    rawQueryString: '',
    headers: { 'content-type': 'application/json' },
    requestContext: { http: { method: 'POST', path }, requestId: 'bench', stage: '$default' },
    body,
    isBase64Encoded: false,
  });
}

async function coldCall(functionName: string, name: string): Promise<number> {
  await lambda.recycle(functionName);
  const startMs = performance.now();
  const result = await lambda.invoke(functionName, event(name));
  const elapsedMs = performance.now() - startMs;
  if (result.kind !== 'success' || !result.payload.includes('"statusCode":200')) {
    throw new Error(`${functionName}: ${JSON.stringify(result).slice(0, 400)}`);
  }
  return elapsedMs;
}

/** What a script in a fresh process says that its work took, in milliseconds; else the whole process. */
function inFreshProcess(script: string): number {
  const startMs = performance.now();
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', script],
    {
      cwd: root,
      encoding: 'utf8',
      env: {
        ...process.env,
        ...awsVariables,
        [environmentVariables.onnxRuntimeDir]: onnxRuntimeDir,
      },
    },
  );
  if (status !== 0) throw new Error(stderr);
  return stdout.trim() === '' ? performance.now() - startMs : Number(stdout);
}

const sessionScript = (path: string, level: string) => `
  import { InferenceSession } from 'onnxruntime-node';
  const options = { intraOpNumThreads: 1, interOpNumThreads: 1, graphOptimizationLevel: '${level}', logSeverityLevel: 4 };
  await InferenceSession.create(Buffer.from('CAgSD3BpbG90bGlnaHQtdGVzdDo7ChAKAXgSAXkiCElkZW50aXR5EgVncmFwaFoPCgF4EgoKCAgBEgQKAggBYg8KAXkSCgoICAESBAoCCAFCAhAR', 'base64'), options);
  const start = performance.now();
  await InferenceSession.create(${JSON.stringify(path)}, options);
  console.log(performance.now() - start);`;

/** A process that boots, loads the bundle and makes its first session: what the api function does before it may serve. */
const bootScript = `
  process.env.${environmentVariables.modelsBucket} = 'models';
  process.env.${environmentVariables.modelCacheDir} = ${JSON.stringify(join(folder, 'boot'))};
  await import(${JSON.stringify(join(root, 'dist/functions/api/handler.mjs'))});
  process.exit(0);`;

/** The model from the same S3 to disk in one stream, in this process. */
async function download(): Promise<number> {
  const startMs = performance.now();
  const response = await fetch(`${s3.url}/models/bare/1/model.onnx`);
  mkdirSync(join(folder, 'down'), { recursive: true });
  writeFileSync(join(folder, 'down', 'model.onnx'), new Uint8Array(await response.arrayBuffer()));
  return performance.now() - startMs;
}

/** A prepared artefact on disk, for the part that is its session alone. */
spawnSync(
  process.execPath,
  [
    '--input-type=module',
    '-e',
    `import { InferenceSession } from 'onnxruntime-node';
     await InferenceSession.create(${JSON.stringify(modelPath)}, { optimizedModelFilePath: ${JSON.stringify(prepared)}, graphOptimizationLevel: 'all', logSeverityLevel: 4 });`,
  ],
  { cwd: root },
);

const times = new Map<string, number[]>();
const record = (name: string, ms: number) => times.set(name, [...(times.get(name) ?? []), ms]);
for (let round = -1; round < rounds; round++) {
  const measured: [string, number][] = [
    ['boot, bundle, first session', inFreshProcess(bootScript)],
    ['download to disk', await download()],
    ['session of the prepared artefact', inFreshProcess(sessionScript(prepared, 'disabled'))],
    ['session of the bare model', inFreshProcess(sessionScript(modelPath, 'all'))],
    ['Pilotlight, prepared', await coldCall('api', 'prepared')],
    ['Pilotlight, prepared, as default model', await coldCall('preloading', 'prepared')],
    ['Pilotlight, bare', await coldCall('api', 'bare')],
    ['naive handler', await coldCall('naive', 'bare')],
  ];
  if (round < 0) continue;
  for (const [name, ms] of measured) record(name, ms);
}
const of = (name: string) => median(times.get(name) ?? []);
const floorMs =
  Math.max(of('boot, bundle, first session'), of('download to disk')) +
  of('session of the prepared artefact');
printTable(
  ['', 'ms', 'to the floor', 'to the naive handler'],
  [
    ...Array.from(times.keys(), (name) => [
      name,
      of(name).toFixed(0),
      (of(name) / floorMs).toFixed(2),
      (of(name) / of('naive handler')).toFixed(2),
    ]),
    [
      'the floor: the longer of boot and download, and the prepared session',
      floorMs.toFixed(0),
      '1.00',
      '',
    ],
  ],
);

await lambda.close();
client.destroy();
await s3.close();
rmSync(folder, { recursive: true, force: true });
