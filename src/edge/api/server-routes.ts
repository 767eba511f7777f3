import type { Prediction } from '../../inference/prediction.ts';
import type { ModelAdministration, ModelProvider } from '../../models/provider.ts';
import type { ServerMetadata } from '../../protocol/documents.ts';
import { jsonResponse } from './http.ts';
import type { RouteHandler } from './router.ts';

/** Extensions of the protocol that this server speaks. */
const extensions: ServerMetadata['extensions'] = [
  'binary_tensor_data',
  'classification',
  'model_configuration',
  'model_repository',
  'model_repository(unload_dependents)',
  'parameters',
  'schedule_policy',
  'statistics',
];

/** `GET /v2`. */
export function serverMetadataRoute(version: string): RouteHandler {
  const metadata: ServerMetadata = { name: 'pilotlight', version, extensions };
  return () => jsonResponse(metadata);
}

/** `GET /v2/health/live`. */
export const liveRoute: RouteHandler = () => jsonResponse({ live: true });

/** `GET /v2/health/ready`. The specification prints `live` here too; clients read the status alone. */
export const readyRoute: RouteHandler = () => jsonResponse({ ready: true, live: true });

/**
 * `GET /openapi.json`: the HTTP surface, with schemas of their own for the models in this environment's memory and for
 * those that `?model=` names, which are loaded for it: what a model takes only ONNX Runtime knows. A pipeline takes no
 * tensors, and has a path alone.
 */
export function openApiRoute(
  models: ModelProvider & ModelAdministration,
  prediction: Prediction,
  version: string,
): RouteHandler {
  return async ({ query }) => {
    const pipelines: string[] = [];
    for (const model of new Set(query.getAll('model'))) {
      if ((await prediction.pipelineOf({ model, version: undefined })) !== undefined) {
        pipelines.push(model);
        continue;
      }
      const lease = await models.acquire({ model, version: undefined });
      lease.release();
    }
    // One version of each speaks for the model's path without a version.
    const byName = new Map(models.inMemory().map((loaded) => [loaded.model, loaded]));
    const described = Array.from(byName.values(), ({ model, inputs, outputs }) => ({
      name: model,
      inputs,
      outputs,
    }));
    // Few environments are ever asked: the document's text is loaded by the first call.
    const { openApiDocument } = await import('../../protocol/openapi/document.ts');
    return jsonResponse(openApiDocument({ version, models: described, pipelines }));
  };
}
