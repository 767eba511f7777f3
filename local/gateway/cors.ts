import type { IncomingMessage } from 'node:http';
import type { CorsDescription } from '../template/http-api.ts';
import type { GatewayResponse } from './response.ts';

/** Whether a browser asks what it may send; API Gateway answers that itself (docs: http-api-cors). */
export function isPreflight({ method, headers }: IncomingMessage): boolean {
  return (
    method === 'OPTIONS' &&
    headers.origin !== undefined &&
    headers['access-control-request-method'] !== undefined
  );
}

export function preflightResponse(cors: CorsDescription, origin: string): GatewayResponse {
  const isAllowed = allowedOrigin(cors, origin) !== undefined;
  return {
    statusCode: 204,
    headers: isAllowed ? preflightHeaders(cors, origin) : {},
    cookies: [],
    body: Buffer.alloc(0),
  };
}

/** What the function says about origins is replaced by what the API says. */
export function withCors(
  response: GatewayResponse,
  cors: CorsDescription,
  origin: string | undefined,
): GatewayResponse {
  const others = Object.entries(response.headers).filter(
    ([name]) => !name.startsWith('access-control-'),
  );
  return {
    ...response,
    headers: {
      ...Object.fromEntries(others),
      ...(origin !== undefined && originHeaders(cors, origin)),
    },
  };
}

function preflightHeaders(cors: CorsDescription, origin: string): Record<string, string> {
  return {
    ...originHeaders(cors, origin),
    ...listHeader('access-control-allow-methods', cors.allowMethods),
    ...listHeader('access-control-allow-headers', cors.allowHeaders),
    ...(cors.maxAgeSeconds !== undefined && { 'access-control-max-age': `${cors.maxAgeSeconds}` }),
  };
}

function originHeaders(cors: CorsDescription, origin: string): Record<string, string> {
  const allowed = allowedOrigin(cors, origin);
  if (allowed === undefined) return {};
  return {
    'access-control-allow-origin': allowed,
    ...(cors.allowCredentials && { 'access-control-allow-credentials': 'true' }),
    ...listHeader('access-control-expose-headers', cors.exposeHeaders),
  };
}

/** Patterns are `*`, `https://*`, `http://*` and whole origins. */
function allowedOrigin(cors: CorsDescription, origin: string): string | undefined {
  if (cors.allowOrigins.includes('*')) return '*';
  const isAllowed = cors.allowOrigins.some((pattern) =>
    pattern.endsWith('*') ? origin.startsWith(pattern.slice(0, -1)) : origin === pattern,
  );
  return isAllowed ? origin : undefined;
}

function listHeader(name: string, values: readonly string[]): Record<string, string> {
  return values.length === 0 ? {} : { [name]: values.join(',') };
}
