import { type ChildProcess, fork } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { identityModel } from '../support/onnx-model.ts';
import { type Serving, startServing } from '../support/serving.ts';

/** What no trace may hold: it is in every body that is sent here. */
const marker = 'marker-4711';
const root = '1-6b0a231b-0fc686f1b0940ed46e6c482f';
const parent = '53995c3f42cd8ad8';

let serving: Serving;
let folder: string;
/** As X-Ray's daemon, which is told over UDP. */
let daemon: Socket;
const datagrams: string[] = [];

beforeAll(async () => {
  serving = await startServing();
  folder = mkdtempSync(join(tmpdir(), 'pilotlight-tracing-'));
  await serving.put('words/1/model.onnx', identityModel('BYTES', [-1]));
  daemon = createSocket('udp4');
  daemon.on('message', (bytes) => datagrams.push(bytes.toString()));
  daemon.bind(0, '127.0.0.1');
  await once(daemon, 'listening');
});
beforeEach(() => {
  datagrams.length = 0;
});
afterAll(async () => {
  daemon.close();
  await serving.close();
  rmSync(folder, { recursive: true });
});

function startFunction(): ChildProcess {
  return fork(fileURLToPath(new URL('fixtures/api-process.ts', import.meta.url)), {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: [],
    env: {
      ...process.env,
      PILOTLIGHT_MODELS_BUCKET: 'models',
      PILOTLIGHT_MODEL_CACHE_DIR: join(folder, 'cache'),
      POWERTOOLS_SERVICE_NAME: 'traced-service',
      AWS_LAMBDA_FUNCTION_NAME: 'api',
      AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
      AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
      LAMBDA_TASK_ROOT: folder,
      AWS_XRAY_DAEMON_ADDRESS: `127.0.0.1:${daemon.address().port}`,
      _HANDLER: 'handler.handler',
    },
  });
}

async function callWords(child: ChildProcess, sampled: 0 | 1, data: unknown): Promise<number> {
  const answer = once(child, 'message');
  child.send({
    version: '2.0',
    rawPath: '/v2/models/words/infer',
    rawQueryString: '',
    headers: {
      'content-type': 'application/json',
      'x-amzn-trace-id': `Root=${root};Parent=${parent};Sampled=${sampled}`,
    },
    requestContext: {
      requestId: 'id',
      stage: '$default',
      http: { method: 'POST', path: '/v2/models/words/infer' },
    },
    body: JSON.stringify({ inputs: [{ name: 'x', datatype: 'BYTES', shape: [1], data }] }),
    isBase64Encoded: false,
  });
  const [response] = await answer;
  return response.statusCode;
}

/** What the daemon was told of the handler: each datagram is a header and a document, both JSON, a line each. */
function handlerSegments(): Record<string, unknown>[] {
  return datagrams
    .map((datagram) => JSON.parse(datagram.slice(datagram.indexOf('\n') + 1)))
    .filter(({ name }) => name === '## handler.handler');
}

async function endOf(child: ChildProcess): Promise<void> {
  child.kill();
  await once(child, 'exit');
}

it('an invocation that X-Ray samples is traced, without its payload', async () => {
  const child = startFunction();
  await once(child, 'message');
  expect(await callWords(child, 1, [marker])).toBe(200);
  expect(await callWords(child, 1, marker)).toBe(400);
  await expect.poll(handlerSegments).toHaveLength(2);
  await endOf(child);
  const [first, second] = handlerSegments();
  expect(first).toMatchObject({
    trace_id: root,
    parent_id: parent,
    annotations: { ColdStart: true, Service: 'traced-service' },
    end_time: expect.any(Number),
  });
  expect(second).toMatchObject({ trace_id: root, annotations: { ColdStart: false } });
  expect(datagrams.join()).not.toContain(marker);
}, 20_000);

it('an invocation that it does not sample is not, and takes the cold start with it', async () => {
  const child = startFunction();
  await once(child, 'message');
  expect(await callWords(child, 0, [marker])).toBe(200);
  expect(await callWords(child, 1, [marker])).toBe(200);
  await expect.poll(handlerSegments).toHaveLength(1);
  await endOf(child);
  expect(handlerSegments()).toMatchObject([{ annotations: { ColdStart: false } }]);
}, 20_000);
