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
