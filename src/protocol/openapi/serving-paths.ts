import { inferenceHeaderContentLengthHeader } from '../body.ts';
import {
  acceptedLater,
  errors,
  getOperation,
  json,
  pathParameter,
  postOperation,
  prefer,
  queryParameter,
} from './operations.ts';
import { count, listOf, type Schema, string } from './schemas.ts';

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
  schema: count,
};

/** `POST .../infer`. @param request @param response names of schemas */
export function inferOperation(
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
      prefer,
    ],
    requestBody: { required: true, content: { ...json(request), ...binaryBody } },
    responses: {
      200: {
        description: 'The outputs, in JSON or binary as the request asks.',
        headers: { [inferenceHeaderContentLengthHeader]: headerLength },
        content: { ...json(response), ...binaryBody },
      },
      202: acceptedLater,
      ...errors,
    },
  };
}

const anything: Schema = {};

/** `POST .../predict`. */
export function predictOperation(summary: string, parameters: readonly Schema[] = []): Schema {
  return {
    summary,
    description:
      'For a model whose config.json names its task, and for a pipeline. A pipeline takes pictures. Objects of the jobs bucket are named as `{"s3": "s3://bucket/key"}`.',
    parameters: [...parameters, prefer],
    requestBody: {
      required: true,
      content: {
        ...json('PredictRequest'),
        'image/*': anything,
        'audio/*': anything,
        'text/plain': anything,
        'text/csv': anything,
        'application/octet-stream': anything,
      },
    },
    responses: {
      200: {
        description:
          'One prediction for each input; of some tasks a picture or an array, as `Accept` asks.',
        content: {
          ...json('PredictResponse'),
          'image/png': anything,
          'application/x-npy': anything,
        },
      },
      202: acceptedLater,
      ...errors,
    },
  };
}

const model = pathParameter('model');
const modelVersion = pathParameter('version', 'A version or an alias.');

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
    'image/*',
    'audio/*',
    'text/plain',
  ].map((mediaType) => [mediaType, anything]),
);

const invocations: Schema = {
  summary: 'Infer in the content type of the caller’s choice',
  requestBody: { required: true, content: anyBody },
  responses: {
    200: { description: 'As `Accept` says, by default as the request.', content: anyBody },
    ...errors,
  },
};

const invokedVersion = queryParameter('version', string, 'A version or an alias.');
const targetModel: Schema = {
  name: 'X-Amzn-SageMaker-Target-Model',
  in: 'header',
  description: 'The model. Default: that of the service.',
  schema: string,
};

/** The paths of serving: those of the protocol, Triton's extensions and SageMaker's. */
export const servingPaths: Readonly<Record<string, Schema>> = {
  '/v2': { get: getOperation('Server metadata', 'ServerMetadata') },
  '/v2/health/live': { get: getOperation('Liveness', 'Liveness') },
  '/v2/health/ready': { get: getOperation('Readiness', 'Readiness') },
  ...modelPaths('', (parameters) => ({
    get: getOperation('Model metadata', 'ModelMetadata', parameters),
  })),
  ...modelPaths('/ready', (parameters) => ({
    get: getOperation('Loads the model if need be', 'ModelReadiness', parameters),
  })),
  ...modelPaths('/config', (parameters) => ({
    get: getOperation(
      'What of Triton’s configuration has a meaning here',
      'ModelConfig',
      parameters,
    ),
  })),
  ...modelPaths('/stats', (parameters) => ({
    get: getOperation('Statistics of one environment', 'Statistics', parameters),
  })),
  '/v2/models/stats': { get: getOperation('Statistics of one environment', 'Statistics') },
  ...modelPaths('/infer', (parameters) => ({
    post: inferOperation('InferRequest', 'InferResponse', 'Infer', parameters),
  })),
  ...modelPaths('/predict', (parameters) => ({ post: predictOperation('Predict', parameters) })),
  '/v2/repository/index': {
    post: postOperation('Versions that may be called', {
      request: 'RepositoryIndexRequest',
      response: 'RepositoryIndex',
    }),
  },
  ...Object.fromEntries(
    (['load', 'unload'] as const).map((verb) => [
      `/v2/repository/models/{model}/${verb}`,
      {
        parameters: [model],
        post: postOperation(
          verb === 'load'
            ? 'Loads the newest files of the model into one environment'
            : 'Gives the model’s memory of one environment back',
          { request: 'RepositoryRequest', response: undefined },
        ),
      },
    ]),
  ),
  '/models/{model}/invocations': {
    parameters: [model, invokedVersion],
    post: invocations,
  },
  '/invocations': { parameters: [targetModel, invokedVersion], post: invocations },
  '/ping': { get: getOperation('Health as SageMaker asks for it', undefined) },
  '/openapi.json': {
    get: {
      summary: 'This document',
      parameters: [
        queryParameter(
          'model',
          listOf(string),
          'Models that get paths and schemas of their own; they are loaded for it. Those in memory have them too.',
        ),
      ],
      responses: {
        200: { description: 'OK', content: { 'application/json': { schema: { type: 'object' } } } },
        ...errors,
      },
    },
  },
};
