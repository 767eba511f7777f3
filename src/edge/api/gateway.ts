import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { allowedModels } from './authorization.ts';
import type { BodyMemory } from './body-memory.ts';
import type { HttpRequest, HttpResponse } from './http.ts';

/** An event of a route with an authorizer or without. */
export type GatewayEvent = APIGatewayProxyEventV2 & {
  readonly requestContext: { readonly authorizer?: unknown };
};

/**
 * The request in an API Gateway HTTP API event, payload format 2.0.
 *
 * @param modelsClaim member of the authorizer's claims or context that lists a caller's models; undefined for no limit
 * @param remainingMs until Lambda ends the environment, of which this invocation has not come to its answer
 * @param memory for bytes with tensors behind JSON
 */
export function toHttpRequest(
  event: GatewayEvent,
  modelsClaim: string | undefined,
  remainingMs: number,
  memory: BodyMemory,
): HttpRequest {
  return {
    method: event.requestContext.http.method,
    path: withoutStage(event.rawPath, event.requestContext.stage),
    query: new URLSearchParams(event.rawQueryString),
    headers: event.headers,
    ...bodyOf(event, memory),
    requestId: event.requestContext.requestId,
    allowedModels:
      modelsClaim === undefined
        ? undefined
        : allowedModels(event.requestContext.authorizer, modelsClaim),
    remainingMs,
  };
}

function bodyOf(
  { body, headers, isBase64Encoded }: APIGatewayProxyEventV2,
  memory: BodyMemory,
): Pick<HttpRequest, 'body' | 'releaseBody'> {
  if (body === undefined) return { body: '' };
  if (!isBase64Encoded) return { body };
  const jsonBytes = headers['inference-header-content-length'];
  return jsonBytes === undefined
    ? { body: Buffer.from(body, 'base64') }
    : decodeAligned(body, Number(jsonBytes), memory);
}

/** The elements of a tensor take eight bytes at most. */
const alignmentBytes = 8;

/** Bytes placed in memory so that what follows the JSON begins as a tensor must: it is then viewed, not copied. */
function decodeAligned(
  base64: string,
  jsonBytes: number,
  memory: BodyMemory,
): Pick<HttpRequest, 'body' | 'releaseBody'> {
  const offset = Number.isSafeInteger(jsonBytes) ? -jsonBytes & (alignmentBytes - 1) : 0;
  const buffer = memory.take(offset + Buffer.byteLength(base64, 'base64'));
  const written = buffer.write(base64, offset, 'base64');
  return {
    body: buffer.subarray(offset, offset + written),
    releaseBody: () => memory.giveBack(buffer),
  };
}

/** A named stage stands at the head of the path; the default stage does not. */
function withoutStage(path: string, stage: string): string {
  const prefix = `/${stage}`;
  if (stage === '$default' || (path !== prefix && !path.startsWith(`${prefix}/`))) return path;
  return path.slice(prefix.length) || '/';
}

/** A response for API Gateway: bytes travel as base64, text as it is. */
export function toGatewayResult(response: HttpResponse): APIGatewayProxyStructuredResultV2 {
  const { statusCode, headers, body } = response;
  if (typeof body === 'string') return { statusCode, headers, body };
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  return { statusCode, headers, body: bytes.toString('base64'), isBase64Encoded: true };
}
