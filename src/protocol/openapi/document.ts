import { inferenceHeaderContentLengthHeader } from '../body.ts';
import {
  componentKey,
  type DescribedModel,
  modelRequestSchema,
  modelResponseSchema,
} from './model-schemas.ts';
import { commonSchemas, reference, type Schema } from './schemas.ts';

export interface OpenApiOptions {
  /** Version of the software. */
  readonly version: string;
  /** Models that get paths and schemas of their own. */
  readonly models: readonly DescribedModel[];
}

/** The HTTP surface as an OpenAPI 3.1 document: the protocol's paths, and one pair of schemas for each model. */
export function openApiDocument({ version, models }: OpenApiOptions): Schema {
  const schemas: Record<string, Schema> = { ...commonSchemas };
  const paths: Record<string, Schema> = { ...commonPaths };
  for (const model of models) {
    const key = componentKey(model.name);
    schemas[`InferRequest.${key}`] = modelRequestSchema(model);
    schemas[`InferResponse.${key}`] = modelResponseSchema(model);
    paths[`/v2/models/${encodeURIComponent(model.name)}/infer`] = {
      post: inferOperation(
        `InferRequest.${key}`,
        `InferResponse.${key}`,
        `Infer with ${model.name}`,
      ),
    };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Pilotlight',
      version,
      description: 'ONNX models over the Open Inference Protocol (v2 REST).',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    paths,
    components: { schemas },
  };
}

function json(schema: string): Schema {
  return { 'application/json': { schema: reference(schema) } };
}

const errors: Schema = {
  '4XX': { description: 'What is wrong with the request.', content: json('Error') },
  '5XX': { description: 'Why the model could not be run.', content: json('Error') },
};

function getOperation(
  summary: string,
  schema: string | undefined,
  parameters: readonly Schema[],
): Schema {
  const ok = { description: 'OK', ...(schema === undefined ? {} : { content: json(schema) }) };
  return { summary, parameters, responses: { 200: ok, ...errors } };
}

const binaryBody: Schema = {
  'application/octet-stream': {
    schema: {
      description: 'JSON with binary tensors behind it.',
      type: 'string',
      format: 'binary',
    },
  },
};

/** The header of the binary tensor extension, in requests and responses. */
const headerLength: Schema = {
  description: 'Bytes of the JSON before the binary tensors; 0 for one raw tensor without JSON.',
  schema: { type: 'integer', minimum: 0 },
};

function inferOperation(
  request: string,
  response: string,
  summary: string,
  parameters: readonly Schema[] = [],
): Schema {
  return {
    summary,
    parameters: [
      ...parameters,
      { name: inferenceHeaderContentLengthHeader, in: 'header', ...headerLength },
    ],
    requestBody: { required: true, content: { ...json(request), ...binaryBody } },
    responses: {
      200: {
        description: 'The outputs, in JSON or binary as the request asks.',
        headers: { [inferenceHeaderContentLengthHeader]: headerLength },
        content: { ...json(response), ...binaryBody },
      },
      ...errors,
    },
  };
}

const model: Schema = { name: 'model', in: 'path', required: true, schema: { type: 'string' } };
const modelVersion: Schema = { ...model, name: 'version', description: 'A version or an alias.' };

/** A model's own paths, with and without a version. */
function modelPaths(
  suffix: string,
  operations: (parameters: readonly Schema[]) => Schema,
): Readonly<Record<string, Schema>> {
  return {
    [`/v2/models/{model}${suffix}`]: operations([model]),
    [`/v2/models/{model}/versions/{version}${suffix}`]: operations([model, modelVersion]),
  };
}

const anyBody: Schema = Object.fromEntries(
  [
    'application/json',
    'application/jsonlines',
    'text/csv',
    'application/x-npy',
    'application/octet-stream',
  ].map((mediaType) => [mediaType, {}]),
);

const invocations: Schema = {
  summary: 'Infer in the content type of the caller’s choice',
  requestBody: { required: true, content: anyBody },
  responses: {
    200: { description: 'As `Accept` says, by default as the request.', content: anyBody },
    ...errors,
  },
};

const commonPaths: Readonly<Record<string, Schema>> = {
  '/v2': { get: getOperation('Server metadata', 'ServerMetadata', []) },
  '/v2/health/live': { get: getOperation('Liveness', undefined, []) },
  '/v2/health/ready': { get: getOperation('Readiness', undefined, []) },
  ...modelPaths('', (parameters) => ({
    get: getOperation('Model metadata', 'ModelMetadata', parameters),
  })),
  ...modelPaths('/ready', (parameters) => ({
    get: getOperation('Loads the model if need be', 'ModelReadiness', parameters),
  })),
  ...modelPaths('/infer', (parameters) => ({
    post: inferOperation('InferRequest', 'InferResponse', 'Infer', parameters),
  })),
  '/models/{model}/invocations': { parameters: [model], post: invocations },
  '/invocations': { post: invocations },
  '/ping': { get: getOperation('Health as SageMaker asks for it', undefined, []) },
};
