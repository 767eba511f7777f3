import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { lambdaPayloadBytes } from '../../src/contract/limits.ts';
import type { InvokeResult } from '../lambda/invoke-result.ts';
import { close, listen } from '../listen.ts';
import { readBody } from '../request-body.ts';
import type { HttpApiDescription } from '../template/http-api.ts';
import { isPreflight, preflightResponse, withCors } from './cors.ts';
import { createEvent, newRequestId, parseTarget } from './event.ts';
import { type GatewayResponse, gatewayMessage, parseFunctionResponse } from './response.ts';
import { matchRoute, parseRouteKey } from './routes.ts';

/** An HTTP API's largest request (docs: http-api-quotas, 10 MB). */
const requestBodyBytes = 10 * 1024 * 1024;

export interface GatewayOptions {
  /** 0 for a free one. */
  readonly port: number;
  readonly api: HttpApiDescription;
  invoke(functionName: string, payload: string): Promise<InvokeResult>;
}

/** API Gateway's stand-in: an HTTP API whose routes lead to functions. */
export interface Gateway {
  /** Without a slash at the end. */
  readonly url: string;
  readonly port: number;
  /** Stops listening, lets open calls finish for `graceMs`, then breaks them off. */
  close(graceMs?: number): Promise<void>;
}

/** @throws ListenError when the port cannot be had */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { api } = options;
  const routes = api.routes.map((route) => ({ ...route, ...parseRouteKey(route.routeKey) }));

  async function answer(request: IncomingMessage, requestId: string): Promise<GatewayResponse> {
    const { cors } = api;
    const { origin } = request.headers;
    if (cors === undefined) return route(request, requestId);
    if (origin !== undefined && isPreflight(request)) return preflightResponse(cors, origin);
    return withCors(await route(request, requestId), cors, origin);
  }

  async function route(request: IncomingMessage, requestId: string): Promise<GatewayResponse> {
    const body = await readBody(request, requestBodyBytes);
    if (body === undefined) return gatewayMessage(413);
    const target = parseTarget(request.url ?? '/');
    if (target === undefined) return gatewayMessage(400);
    const path = withoutStage(target.rawPath, api.stageName);
    const match = path && matchRoute(routes, request.method ?? 'GET', path);
    if (!match) return gatewayMessage(404);
    const { routeKey, functionName, timeoutMs } = match.route;
    const { pathParameters } = match;
    const event = createEvent({
      ...{ request, target, body, routeKey, pathParameters, requestId },
      stageName: api.stageName,
      apiId: api.logicalId,
      now: new Date(),
    });
    const payload = JSON.stringify(event);
    // What Lambda refuses for its size, API Gateway refuses in the same words as for its own limit.
    if (Buffer.byteLength(payload) > lambdaPayloadBytes) return gatewayMessage(413);
    return fromResult(await within(timeoutMs, options.invoke(functionName, payload)));
  }

  const server = createServer((request, response) => {
    const requestId = newRequestId();
    answer(request, requestId)
      .catch(() => gatewayMessage(500))
      .then((answered) => send(response, answered, requestId))
      // The client has gone: there is nobody to answer.
      .catch(() => response.destroy());
  });
  server.on('clientError', refuseBadHttp);
  // Longer than any client keeps an idle connection: it never finds one closed under its hands.
  server.keepAliveTimeout = 65_000;
  const port = await listen(server, options.port);
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    close: (graceMs = 0) => close(server, graceMs),
  };
}

/** Lambda's answer as API Gateway passes it on: which error it was stays in the function's log. */
function fromResult(result: InvokeResult | 'timeout'): GatewayResponse {
  if (result === 'timeout' || result.kind === 'throttled') return gatewayMessage(503);
  return result.kind === 'error' ? gatewayMessage(500) : parseFunctionResponse(result.payload);
}

/** The invocation itself goes on, as on AWS: only the caller stops waiting. */
async function within(
  timeoutMs: number,
  invocation: Promise<InvokeResult>,
): Promise<InvokeResult | 'timeout'> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<'timeout'>((resolve) => {
    timer = setTimeout(() => resolve('timeout'), timeoutMs);
  });
  return Promise.race([invocation, timeout]).finally(() => clearTimeout(timer));
}

/** The path below the stage; undefined when it lies outside. `$default` has no place in paths. */
function withoutStage(path: string, stageName: string): string | undefined {
  if (stageName === '$default') return path;
  if (path === `/${stageName}`) return '/';
  return path.startsWith(`/${stageName}/`) ? path.slice(stageName.length + 1) : undefined;
}

async function send(
  response: ServerResponse,
  { statusCode, headers, cookies, body }: GatewayResponse,
  requestId: string,
): Promise<void> {
  response.writeHead(statusCode, {
    ...headers,
    ...(cookies.length > 0 && { 'set-cookie': [...cookies] }),
    'apigw-requestid': requestId,
    ...(statusCode !== 204 && statusCode !== 304 && { 'content-length': body.byteLength }),
  });
  response.end(body);
}

/** Node's own answer has no body; API Gateway's has one. */
function refuseBadHttp(_error: Error, socket: Duplex): void {
  const { body } = gatewayMessage(400);
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  socket.end(
    `HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${body.byteLength}\r\n\r\n${body}`,
  );
}
