import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import type { HttpRequest, HttpResponse } from './http.ts';

/** The request in an API Gateway HTTP API event, payload format 2.0. */
export function toHttpRequest(event: APIGatewayProxyEventV2): HttpRequest {
  return {
    method: event.requestContext.http.method,
    path: withoutStage(event.rawPath, event.requestContext.stage),
    query: new URLSearchParams(event.rawQueryString),
    headers: event.headers,
    body: bodyOf(event),
    requestId: event.requestContext.requestId,
  };
}

function bodyOf(event: APIGatewayProxyEventV2): string | Uint8Array {
  if (event.body === undefined) return '';
  return event.isBase64Encoded ? Buffer.from(event.body, 'base64') : event.body;
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
