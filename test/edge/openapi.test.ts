import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gatewayPaths } from '../../src/contract/routes.ts';
import { addConstant, identityModel } from '../support/onnx-model.ts';
import { faultsOf, operationsOf, undocumented } from '../support/openapi.ts';
import { type CallOptions, jsonOf, type Serving, startServing } from '../support/serving.ts';
import { example, putDigitPipeline } from './digit-pipeline.ts';

let serving: Serving;

beforeAll(async () => {
  serving = await startServing();
  await serving.put('echo/1/model.onnx', identityModel('FP32', [-1, 4]));
  await serving.put('default/1/model.onnx', addConstant('FP32', [-1], 3));
  await putDigitPipeline(serving);
});
afterAll(() => serving.close());

const documentOf = async (query = '') => jsonOf(await serving.call('GET', `/openapi.json${query}`));

describe('the OpenAPI document of the service', () => {
  it('has every route of the service, and no other', async () => {
    const documented = operationsOf(await documentOf()).map(({ route }) => route);
    expect(documented.toSorted()).toEqual(serving.routes.toSorted());
  });

  it('has what API Gateway hands on, and nothing that it does not', async () => {
    const patterns = gatewayPaths.map(
      (path) => new RegExp(`^${path.replace('{proxy+}', '.+').replaceAll('.json', '\\.json')}$`),
    );
    const paths = [...new Set(operationsOf(await documentOf()).map(({ path }) => path))];
    expect(paths.filter((path) => !patterns.some((one) => one.test(path)))).toEqual([]);
    expect(patterns.filter((one) => !paths.some((path) => one.test(path)))).toEqual([]);
  });

  it('is one of OpenAPI 3.1, with the models and pipelines that are asked for', async () => {
    const document = await documentOf('?model=echo&model=digits&model=graph');
    expect(faultsOf(document)).toEqual([]);
    expect(document).toMatchObject({
      paths: {
        '/v2/models/echo/infer': { post: {} },
        '/v2/models/graph/predict': { post: {} },
      },
    });
  });

  const row = { name: 'x', shape: [1, 4], datatype: 'FP32', data: [1, 2, 3, 4] };
  const picture = { inputs: example('image-classification/digits.png').toString('base64') };
  const byModel = (path: string) => path.replace('{model}', 'echo');

  it.each<[string, string, number, CallOptions?]>([
    ['GET /v2', '/v2', 200],
    ['GET /v2/health/live', '/v2/health/live', 200],
    ['GET /v2/health/ready', '/v2/health/ready', 200],
    ['POST /v2/models/{model}/infer', '', 200, { body: { id: '7', inputs: [row] } }],
    ['POST /v2/models/{model}/infer', '', 400, { body: { inputs: [] } }],
    ['POST /v2/models/{model}/predict', '/v2/models/digits/predict', 200, { body: picture }],
    ['POST /v2/models/{model}/predict', '/v2/models/graph/predict', 200, { body: picture }],
    ['POST /v2/models/{model}/predict', '', 400, { body: picture }],
    ['GET /v2/models/{model}', '', 200],
    ['GET /v2/models/{model}', '/v2/models/graph', 200],
    ['GET /v2/models/{model}', '/v2/models/none', 404],
    ['GET /v2/models/{model}/ready', '', 200],
    ['GET /v2/models/{model}/config', '', 200],
    ['GET /v2/models/{model}/stats', '', 200],
    ['GET /v2/models/stats', '/v2/models/stats', 200],
    ['POST /v2/repository/index', '/v2/repository/index', 200, { body: { ready: false } }],
    ['POST /v2/repository/models/{model}/load', '', 200],
    ['POST /v2/repository/models/{model}/unload', '', 200],
    ['GET /ping', '/ping', 200],
    ['GET /openapi.json', '/openapi.json', 200],
  ])('says what %s answers: %s %i', async (route, path, status, options) => {
    const [method = '', template = ''] = route.split(' ');
    const response = await serving.call(method, path === '' ? byModel(template) : path, options);
    expect(response.statusCode).toBe(status);
    const body = response.body === '' ? undefined : jsonOf(response);
    expect(undocumented(await documentOf(), route, { status, body })).toEqual([]);
  });
});
