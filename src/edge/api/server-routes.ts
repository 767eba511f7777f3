import type { ModelAdministration, ModelProvider } from '../../models/provider.ts';
import type { ServerMetadata } from '../../protocol/documents.ts';
import { openApiDocument } from '../../protocol/openapi/document.ts';
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
 * those that `?model=` names, which are loaded for it: what a model takes only ONNX Runtime knows.
 */
export function openApiRoute(
  models: ModelProvider & ModelAdministration,
  version: string,
): RouteHandler {
  return async ({ query }) => {
    for (const model of query.getAll('model')) {
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
    return jsonResponse(openApiDocument({ version, models: described }));
  };
}
