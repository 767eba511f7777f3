import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addConstant, heavyModel, identityModel } from '../support/onnx-model.ts';
import { type Serving, startServing } from '../support/serving.ts';

/** What no log may hold: it is in every body that is sent here. */
const marker = 'marker-4711';
const markerNumber = 4_711.471_1;

let serving: Serving;
let folder: string;
/** Everything that the function wrote. */
let output = '';
const responses = new Map<string, { statusCode: number; headers: Record<string, string> }>();

/** Lines of the log that are JSON, of one request or of all. */
function lines(requestId?: string): Record<string, unknown>[] {
  return output
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line))
    .filter((line) => requestId === undefined || line.correlation_id === requestId);
}

/** All values that were measured under a name, in order. */
function measured(name: string): unknown[] {
  return lines()
    .filter((line) => '_aws' in line && name in line)
    .map((line) => line[name]);
}

function eventOf(requestId: string, method: string, path: string, body: unknown) {
  return {
    version: '2.0',
    rawPath: path,
    rawQueryString: '',
    headers: { 'content-type': 'application/json', 'user-agent': marker },
    requestContext: { requestId, stage: '$default', http: { method, path } },
    body: body === undefined ? undefined : JSON.stringify(body),
    isBase64Encoded: false,
  };
}

beforeAll(async () => {
  serving = await startServing();
  folder = mkdtempSync(join(tmpdir(), 'pilotlight-observability-'));
  await serving.put('words/1/model.onnx', identityModel('BYTES', [-1]));
  await serving.put('numbers/1/model.onnx', addConstant('FP32', [-1], 1));
  await serving.put('broken/1/model.onnx', 'no model');
  await serving.put('large/1/model.onnx', heavyModel(48));
  const child = fork(fileURLToPath(new URL('fixtures/api-process.ts', import.meta.url)), {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    execArgv: [],
    env: {
      ...process.env,
      PILOTLIGHT_MODELS_BUCKET: 'models',
      PILOTLIGHT_MODEL_CACHE_DIR: folder,
      POWERTOOLS_SERVICE_NAME: 'observed-service',
      POWERTOOLS_LOGGER_LOG_EVENT: 'true',
      AWS_LAMBDA_FUNCTION_NAME: 'api',
      AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
      // Room for 70 MiB of sessions: the large one takes it all.
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '300',
    },
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (bytes: Buffer) => {
      output += bytes.toString();
    });
  }
  await once(child, 'message');
  const word = { name: 'x', datatype: 'BYTES', shape: [1], data: [marker] };
  const number = { name: 'x', datatype: 'FP32', shape: [1], data: [markerNumber] };
  await call(child, 'miss', '/v2/models/words/infer', { id: marker, inputs: [word] });
  await call(child, 'hit', '/v2/models/words/infer', { inputs: [word] });
  await call(child, 'numbers', '/v2/models/numbers/infer', { inputs: [number] });
  await call(child, 'broken', '/v2/models/broken/infer', { inputs: [number] });
  await call(child, 'refused', '/v2/models/numbers/infer', {
    inputs: [{ ...word, shape: marker }],
  });
  await call(child, 'not JSON', '/v2/models/numbers/infer', `{"${marker}`);
  await call(child, 'absent', '/v2/models/absent/infer', { inputs: [number] });
  await call(child, 'large', '/v2/models/large/infer', { inputs: [number] });
  serving.s3.setFaults({ decide: () => 'resetBeforeAnswer' });
  await call(child, 'storage', '/v2/models/never-read/infer', { inputs: [number] });
  child.kill();
  await once(child, 'close');
}, 60_000);
afterAll(async () => {
  await serving.close();
  rmSync(folder, { recursive: true });
});

async function call(child: ChildProcess, requestId: string, path: string, body: unknown) {
  const ended = new AbortController();
  const answer = once(child, 'message', { signal: ended.signal });
  child.once('exit', () => ended.abort(new Error(`the function ended:\n${output.slice(-2_000)}`)));
  child.send(eventOf(requestId, 'POST', path, body));
  const [response] = await answer;
  responses.set(requestId, response);
}

const statusOf = (requestId: string) => responses.get(requestId)?.statusCode;

describe('the api function', () => {
  it('answers as it should, each response with its request’s id', () => {
    expect(Object.fromEntries([...responses.keys()].map((id) => [id, statusOf(id)]))).toEqual({
      miss: 200,
      hit: 200,
      numbers: 200,
      broken: 503,
      refused: 400,
      'not JSON': 400,
      absent: 404,
      large: 400,
      storage: 503,
    });
    for (const [id, { headers }] of responses) expect(headers['x-request-id']).toBe(id);
  });

  it('tells in a header whether it was cold, whether the model was there, and where the time went', () => {
    const timing = (id: string) => responses.get(id)?.headers['server-timing'];
    expect(timing('miss')).toMatch(
      /^environment;desc="cold", cache;desc="miss", download;dur=[\d.]+, create;dur=[\d.]+, decode;dur=[\d.]+, queue;dur=[\d.]+, run;dur=[\d.]+, encode;dur=[\d.]+$/,
    );
    expect(timing('hit')).toMatch(
      /^environment;desc="warm", cache;desc="hit", decode;dur=[\d.]+, queue;dur=[\d.]+, run;dur=[\d.]+, encode;dur=[\d.]+$/,
    );
  });

  it('writes nothing of any body, though a variable asks for events', () => {
    expect(output).not.toBe('');
    expect(output).not.toContain(marker);
    expect(output).not.toContain(`${markerNumber}`);
  });

  it('writes lines of JSON alone, those of an invocation with its id and its request’s', () => {
    for (const line of output.trimEnd().split('\n')) expect(line).toMatch(/^\{.*\}$/);
    const logged = lines().filter((line) => !('_aws' in line));
    expect(logged.length).toBeGreaterThan(5);
    for (const line of logged) {
      expect(line).toMatchObject({ service: 'observed-service', level: expect.any(String) });
      expect(line['function_request_id']).toBe(`invocation of ${line['correlation_id']}`);
    }
  });

  it('logs a failure of its own with its cause, and none of its callers’', () => {
    expect(lines('broken')).toEqual([
      expect.objectContaining({
        level: 'ERROR',
        message: 'model cannot be loaded',
        model: 'broken',
      }),
      expect.objectContaining({
        level: 'ERROR',
        message: 'request failed',
        method: 'POST',
        path: '/v2/models/broken/infer',
        error: expect.objectContaining({
          name: 'ServingError',
          message: 'model broken version 1: ONNX Runtime cannot load it: Protobuf parsing failed.',
        }),
      }),
    ]);
    const [storage] = lines('storage');
    expect(JSON.stringify(storage)).toContain('ECONNRESET');
    for (const id of ['refused', 'not JSON', 'absent']) expect(lines(id)).toEqual([]);
  });

  it('logs what happens to models', () => {
    expect(lines('miss')).toEqual([
      expect.objectContaining({
        level: 'INFO',
        message: 'model loaded',
        model: 'words',
        version: '1',
        fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
        sizeBytes: expect.any(Number),
        downloadMs: expect.any(Number),
        createMs: expect.any(Number),
      }),
    ]);
    const large = lines('large').map(({ message, model }) => `${message} ${model}`);
    expect(large.pop()).toBe('model loaded large');
    expect(large.sort()).toEqual(['model released numbers', 'model released words']);
  });
});

describe('its metrics', () => {
  it('are in the embedded format, in our namespace, with the service as dimension', () => {
    const metrics = lines().filter((line) => '_aws' in line);
    expect(metrics.length).toBeGreaterThan(5);
    for (const line of metrics) {
      const { CloudWatchMetrics } = Object(line['_aws']);
      expect(CloudWatchMetrics[0].Namespace).toBe('Pilotlight');
      expect(CloudWatchMetrics[0].Dimensions[0]).toContain('service');
      expect(line['service']).toBe('observed-service');
    }
  });

  it('count cold starts, hits, misses, evictions and failed loads', () => {
    expect(measured('ColdStart')).toEqual([1]);
    expect(measured('SessionCacheMisses')).toEqual([1, 1]);
    expect(measured('SessionCacheHits')).toEqual([1]);
    expect(measured('SessionCacheEvictions')).toEqual([1, 1]);
    expect(measured('ModelLoadFailures')).toEqual([1]);
  });

  it('time loads, and each part of each inference', () => {
    for (const name of ['ModelLoadMs', 'ModelDownloadMs', 'ModelCreateMs']) {
      expect(measured(name)).toHaveLength(3);
    }
    for (const name of ['DecodeMs', 'QueueMs', 'RunMs', 'EncodeMs']) {
      expect(measured(name)).toHaveLength(3);
      for (const ms of measured(name)) expect(ms).toBeGreaterThanOrEqual(0);
    }
  });
});
