import type { HttpRequest } from '../../src/edge/api/http.ts';

/** A request as the routes see it, of a caller who may use every model. */
export function requestOf(method: string, path: string, body = ''): HttpRequest {
  const [pathname = '', query = ''] = path.split('?');
  return {
    method,
    path: pathname,
    query: new URLSearchParams(query),
    headers: {},
    body,
    requestId: '1',
    allowedModels: undefined,
  };
}
