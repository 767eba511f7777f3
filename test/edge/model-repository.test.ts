import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addConstant, identityModel, sequenceModel } from '../support/onnx-model.ts';
import { jsonOf, type Serving, startServing } from '../support/serving.ts';

let serving: Serving;

beforeAll(async () => {
  serving = await startServing();
});
afterAll(() => serving.close());

/** Asks a model that adds a constant to 0 which constant it is. */
async function constantOf(path: string): Promise<unknown> {
  const response = await serving.call('POST', `/v2/models/${path}/infer`, {
    body: { inputs: [{ name: 'x', datatype: 'FP32', shape: [1], data: [0] }] },
  });
  const document = jsonOf(response);
  return response.statusCode === 200
    ? Object(document).outputs[0].data[0]
    : `${response.statusCode} ${Object(document).error}`;
}

const adds = (constant: number) => addConstant('FP32', [-1], constant);
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** What an idle environment does by waiting: forgets what it knows of the repository. */
const expire = (model: string) => serving.models.forget(model);

describe('the model repository in S3', () => {
  it('serves a bare model file on the first call after it was copied', async () => {
    expect(await constantOf('late')).toBe('404 model late is not found');
    await serving.put('late/1/model.onnx', adds(1));
    expect(await constantOf('late')).toBe(1);
  });

  it('serves versions by number, by name and by alias', async () => {
    await serving.put('many/1/model.onnx', adds(1));
    await serving.put('many/2/model.onnx', adds(2));
    await serving.put('many/int8/model.onnx', adds(8));
    await serving.put('many/config.json', '{"aliases":{"stable":"1"}}');
    expect(await constantOf('many')).toBe(2);
    expect(await constantOf('many/versions/1')).toBe(1);
    expect(await constantOf('many/versions/int8')).toBe(8);
    expect(await constantOf('many/versions/stable')).toBe(1);
    expect(await constantOf('many/versions/9')).toBe(
      '404 model many has no version or alias 9; it has 2, 1, int8',
    );
  });

  it('serves a new version to calls after it, and goes back when it is taken away', async () => {
    await serving.put('rolling/1/model.onnx', adds(1));
    expect(await constantOf('rolling')).toBe(1);
    await serving.put('rolling/2/model.onnx', adds(2));
    expire('rolling');
    expect(await constantOf('rolling')).toBe(2);
    await serving.put('rolling/config.json', '{"versionPolicy":{"specific":{"versions":["1"]}}}');
    expire('rolling');
    expect(await constantOf('rolling')).toBe(1);
  });

  it('serves the new bytes of a version that was overwritten', async () => {
    await serving.put('over/1/model.onnx', adds(1));
    expect(await constantOf('over')).toBe(1);
    await serving.put('over/1/model.onnx', adds(5));
    expire('over');
    serving.events.length = 0;
    expect(await constantOf('over')).toBe(5);
    expect(serving.events).toEqual(['loaded over 1', 'released over 1']);
  });

  it('keeps the earlier version serving when its successor is broken', async () => {
    await serving.put('solid/1/model.onnx', adds(1));
    expect(await constantOf('solid')).toBe(1);
    await serving.put('solid/2/model.onnx', 'not a model');
    serving.events.length = 0;
    await serving.models.refresh('solid');
    expect(await constantOf('solid')).toBe(1);
    expect(serving.events).toEqual(['failed solid 2', 'kept solid 2']);
  });

  it('answers a broken model with its reason, and asks S3 for it once', async () => {
    await serving.put('broken/1/model.onnx', adds(1).subarray(0, 20));
    const answer = await constantOf('broken');
    expect(answer).toMatch(/^503 model broken version 1: ONNX Runtime cannot load it: /);
    expect(await constantOf('broken')).toBe(answer);
  });

  it('refuses a model that answers with something else than tensors, and says what to do', async () => {
    await serving.put('sequence/1/model.onnx', sequenceModel());
    expect(await constantOf('sequence')).toBe(
      '503 model sequence version 1: output y is not a tensor (sequence, map and optional types have no form in the ' +
        'protocol); for a classifier of scikit-learn, export it with zipmap off',
    );
  });

  it('refuses bytes whose sha256 is not the one in the manifest', async () => {
    const bytes = adds(3);
    const manifest = (digest: string) =>
      JSON.stringify({ files: [{ path: 'model.onnx', sizeBytes: bytes.length, sha256: digest }] });
    await serving.put('sealed/1/model.onnx', bytes);
    await serving.put('sealed/1/manifest.json', manifest('0'.repeat(64)));
    expect(await constantOf('sealed')).toBe(
      "503 model sealed version 1: model.onnx: the file's sha256 is not the one in its manifest",
    );
    await serving.put('sealed/1/manifest.json', manifest(sha256(bytes)));
    expire('sealed');
    expect(await constantOf('sealed')).toBe(3);
  });

  it.each([
    ['../../escape.onnx', 'expected a relative path inside the version'],
    ['/etc/passwd', 'expected a relative path inside the version'],
  ])('refuses a manifest that names %s', async (path, reason) => {
    await serving.put(
      'escape/1/manifest.json',
      JSON.stringify({ files: [{ path, sizeBytes: 1, sha256: '0'.repeat(64) }] }),
    );
    expire('escape');
    expect(await constantOf('escape')).toContain(reason);
  });

  it('refuses a configuration with a typing error, and keeps the one that was good', async () => {
    await serving.put('configured/1/model.onnx', adds(1));
    await serving.put('configured/config.json', '{"maxBatchsize":8}');
    expect(await constantOf('configured')).toContain(
      '503 model configured: config.json: maxBatchsize',
    );
    await serving.put('configured/config.json', '{"maxBatchSize":8}');
    expect(await constantOf('configured')).toBe(1);
    await serving.put('configured/config.json', '{');
    await serving.models.refresh('configured');
    expect(await constantOf('configured')).toBe(1);
  });

  it('runs the warm-up of the configuration before a model is ready', async () => {
    await serving.put('warmed/1/model.onnx', identityModel('FP32', [-1, 4]));
    await serving.put('warmed/config.json', '{"warmUp":[{"inputs":{"x":{"shape":[2,5]}}}]}');
    const refused = await serving.call('GET', '/v2/models/warmed/ready');
    expect(refused.statusCode).toBe(503);
    expect(jsonOf(refused)).toMatchObject({
      error:
        'model warmed version 1: config.json: warmUp[0].inputs.x.shape: expected one that fits [-1, 4], got [2, 5]',
    });
    await serving.put('warmed/config.json', '{"warmUp":[{"inputs":{"x":{"shape":[2,4]}}}]}');
    expire('warmed');
    expect((await serving.call('GET', '/v2/models/warmed/ready')).statusCode).toBe(200);
  });

  it('finds models whose names and versions are words of any script', async () => {
    await serving.put('größe +1/versión-α/model.onnx', adds(4));
    expect(
      await constantOf(
        `${encodeURIComponent('größe +1')}/versions/${encodeURIComponent('versión-α')}`,
      ),
    ).toBe(4);
  });

  it.each(['..%2Fetc', '%2e%2e', 'a%2Fb', '%00', 'a%5Cb', '%ff'])(
    'refuses the model name %s',
    async (name) => {
      const response = await serving.call('GET', `/v2/models/${name}`);
      expect(response.statusCode).toBe(400);
      expect(Object(jsonOf(response)).error).toMatch(/^model: expected /);
    },
  );

  it('tells nobody where the models are kept', async () => {
    const answers = await Promise.all([
      constantOf('broken'),
      constantOf('sealed/versions/7'),
      constantOf('nothing'),
    ]);
    for (const answer of answers) expect(answer).not.toMatch(/pilotlight|\/tmp|s3|bucket/i);
  });
});

describe('an environment whose temp disk or memory is small', () => {
  it('refuses a model that does not fit, and says by how much', async () => {
    const small = await startServing({ cacheDiskBytes: 50 });
    await small.put('large/1/model.onnx', adds(1));
    const response = await small.call('GET', '/v2/models/large');
    expect(response.statusCode).toBe(503);
    expect(Object(jsonOf(response)).error).toMatch(
      /^model large version 1: expected at most 50 bytes, .* got \d+$/,
    );
    await small.close();
  });
});
