import { jsonResponse } from './http.ts';
import type { RouteHandler } from './router.ts';

/** Extensions of the protocol that this server speaks. */
const extensions = ['binary_tensor_data', 'classification', 'parameters', 'statistics'] as const;

/** `GET /v2`. */
export function serverMetadataRoute(version: string): RouteHandler {
  return () => jsonResponse({ name: 'pilotlight', version, extensions });
}

/** `GET /v2/health/live`. */
export const liveRoute: RouteHandler = () => jsonResponse({ live: true });

/** `GET /v2/health/ready`. The specification prints `live` here too; clients read the status alone. */
export const readyRoute: RouteHandler = () => jsonResponse({ ready: true, live: true });
