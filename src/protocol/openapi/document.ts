import { jobPaths } from './job-paths.ts';
import { jobSchemas } from './job-schemas.ts';
import {
  componentKey,
  type DescribedModel,
  modelRequestSchema,
  modelResponseSchema,
} from './model-schemas.ts';
import { predictSchemas } from './predict-schemas.ts';
import { inferSchemas, type Schema } from './schemas.ts';
import { serverSchemas } from './server-schemas.ts';
import { inferOperation, predictOperation, servingPaths } from './serving-paths.ts';

export interface OpenApiOptions {
  /** Version of the software. */
  readonly version: string;
  /** Models that get paths and schemas of their own. */
  readonly models: readonly DescribedModel[];
  /** Names of pipelines that get a path of their own: they have no tensors. */
  readonly pipelines: readonly string[];
}

/**
 * The HTTP surface as an OpenAPI 3.1 document: the paths of serving and of jobs, and one pair of schemas for each model.
 */
export function openApiDocument({ version, models, pipelines }: OpenApiOptions): Schema {
  const schemas: Record<string, Schema> = {
    ...serverSchemas,
    ...inferSchemas,
    ...predictSchemas,
    ...jobSchemas,
  };
  const paths: Record<string, Schema> = { ...servingPaths, ...jobPaths };
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
  for (const name of pipelines) {
    paths[`/v2/models/${encodeURIComponent(name)}/predict`] = {
      post: predictOperation(`Predict with ${name}`),
    };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Pilotlight',
      version,
      description: 'ONNX models over the Open Inference Protocol (v2 REST), and transform jobs.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    paths,
    components: { schemas },
  };
}
