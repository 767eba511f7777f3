import { errorCodes } from '../../errors.ts';
import { datatypes } from '../datatype.ts';
import { boolean, count, listOf, object, reference, type Schema, string } from './schemas.ts';

const duration = object({ count, ns: { ...count, description: 'Nanoseconds, of all together.' } }, [
  'count',
  'ns',
]);
const durations = [
  'success',
  'fail',
  'queue',
  'compute_input',
  'compute_infer',
  'compute_output',
  'cache_hit',
  'cache_miss',
];

/** What the server tells of itself and of its models. */
export const serverSchemas: Readonly<Record<string, Schema>> = {
  Error: object(
    {
      error: { ...string, description: 'What was expected where, and what came.' },
      code: { enum: errorCodes },
    },
    ['error', 'code'],
  ),
  ServerMetadata: object({ name: string, version: string, extensions: listOf(string) }, [
    'name',
    'version',
    'extensions',
  ]),
  Liveness: object({ live: boolean }, ['live']),
  Readiness: object({ ready: boolean, live: boolean }, ['ready']),
  TensorMetadata: object(
    {
      name: string,
      datatype: { enum: datatypes },
      shape: {
        type: 'array',
        items: { type: 'integer', minimum: -1 },
        description: '-1 is a dimension that varies.',
      },
    },
    ['name', 'datatype', 'shape'],
  ),
  ModelMetadata: object(
    {
      name: string,
      versions: listOf(string),
      platform: string,
      inputs: listOf(reference('TensorMetadata')),
      outputs: listOf(reference('TensorMetadata')),
      properties: {
        type: 'object',
        additionalProperties: string,
        description: 'Of a pipeline: its task, and what it accepts.',
      },
    },
    ['name', 'platform', 'inputs', 'outputs'],
  ),
  ModelReadiness: object({ name: string, ready: boolean }, ['name', 'ready']),
  ConfiguredTensor: object(
    { name: string, data_type: string, dims: listOf({ type: 'integer', minimum: -1 }) },
    ['name', 'data_type', 'dims'],
  ),
  ModelConfig: object(
    {
      name: string,
      platform: string,
      backend: string,
      version_policy: { type: 'object' },
      max_batch_size: { ...count, description: '0 when the dims of the tensors say everything.' },
      input: listOf(reference('ConfiguredTensor')),
      output: listOf(reference('ConfiguredTensor')),
      default_model_filename: string,
    },
    ['name', 'platform', 'backend', 'max_batch_size', 'input', 'output'],
  ),
  ModelStatistics: object(
    {
      name: string,
      version: string,
      last_inference: { ...count, description: 'Milliseconds since 1970.' },
      inference_count: { ...count, description: 'Rows.' },
      execution_count: { ...count, description: 'Runs.' },
      inference_stats: object(
        Object.fromEntries(durations.map((name) => [name, duration])),
        durations,
      ),
      batch_stats: { type: 'array' },
    },
    ['name', 'version', 'inference_count', 'execution_count', 'inference_stats'],
  ),
  Statistics: object({ model_stats: listOf(reference('ModelStatistics')) }, ['model_stats']),
  RepositoryIndexRequest: object({
    ready: { ...boolean, default: false, description: 'Only those that are ready.' },
  }),
  RepositoryIndex: listOf(
    object(
      {
        name: string,
        version: string,
        state: { enum: ['READY', 'UNAVAILABLE', 'LOADING', 'UNLOADING'] },
        reason: string,
      },
      ['name', 'state', 'reason'],
    ),
  ),
  RepositoryRequest: object({ parameters: { type: 'object' } }),
};
