import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allowedModels } from '../../src/edge/api/authorization.ts';
import { identityModel } from '../support/onnx-model.ts';
import { type Serving, startServing } from '../support/serving.ts';

describe('the models of a caller', () => {
  it.each([
    ['a claim of names', { jwt: { claims: { models: 'iris fraud' } } }, ['iris', 'fraud']],
    [
      'a list as API Gateway writes it',
      { jwt: { claims: { models: '[iris fraud]' } } },
      ['iris', 'fraud'],
    ],
    [
      'a member of a Lambda authorizer’s context',
      { lambda: { models: 'iris,fraud' } },
      ['iris', 'fraud'],
    ],
    ['a list in that context', { lambda: { models: ['iris'] } }, ['iris']],
    ['no such claim', { jwt: { claims: {} } }, []],
    ['no authorizer', undefined, []],
    ['a claim of another form', { lambda: { models: 7 } }, []],
  ])('are read from %s', (_what, authorizer, names) => {
    expect([...(allowedModels(authorizer, 'models') ?? ['every one'])]).toEqual(names);
  });

  it('are every one for a star', () => {
    expect(allowedModels({ jwt: { claims: { models: '*' } } }, 'models')).toBeUndefined();
  });
});

describe('a caller that is limited to some models', () => {
  let serving: Serving;

  beforeAll(async () => {
    serving = await startServing();
    await serving.put('mine/1/model.onnx', identityModel('FP32', [-1]));
    await serving.put('default/1/model.onnx', identityModel('FP32', [-1]));
  });
  afterAll(() => serving.close());

  async function statusOf(route: string, headers: Record<string, string> = {}): Promise<number> {
    const [method = '', path = ''] = route.split(' ');
    const body = { inputs: [{ name: 'x', datatype: 'FP32', shape: [1], data: [1] }] };
    const response = await serving.call(method, path, {
      body: method === 'POST' ? body : undefined,
      headers,
      allowedModels: new Set(['mine']),
    });
    return response.statusCode;
  }

  it.each(['GET /v2', 'GET /v2/health/ready', 'GET /v2/models/mine', 'POST /v2/models/mine/infer'])(
    'may call %s',
    async (route) => {
      expect(await statusOf(route)).toBe(200);
    },
  );

  it.each([
    'GET /v2/models/default',
    'GET /v2/models/nothing',
    'GET /v2/models/default/versions/1',
    'POST /v2/models/default/infer',
    'POST /v2/models/default/versions/1/infer',
    'POST /v2/models/default/predict',
    'POST /models/default/invocations',
    'POST /invocations',
    'POST /v2/repository/models/default/unload',
    'POST /v2/repository/index',
    'GET /v2/models/stats',
    'GET /openapi.json?model=default',
  ])('may not call %s', async (route) => {
    expect(await statusOf(route)).toBe(403);
  });

  it('is answered at once though it prefers later: it could not read that answer', async () => {
    expect(await statusOf('POST /v2/models/mine/infer', { prefer: 'respond-async' })).toBe(200);
    // As without the preference: the model declares no task.
    expect(await statusOf('POST /v2/models/mine/predict', { prefer: 'respond-async' })).toBe(400);
  });

  it('may not reach another model by SageMaker’s header', async () => {
    expect(
      await statusOf('POST /invocations', { 'x-amzn-sagemaker-target-model': 'default' }),
    ).toBe(403);
  });
});
