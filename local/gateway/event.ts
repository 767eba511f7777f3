import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { newTraceId } from '../lambda/platform.ts';
import { laptopAccountId } from '../template/names.ts';

/** The request's target, taken apart as API Gateway does. */
export interface Target {
  /** Decoded, with the stage's name in front when it has one. */
  readonly rawPath: string;
  /** As it was sent. */
  readonly rawQueryString: string;
}

/**
 * HTTP APIs hand the path over decoded, and lose what follows a decoded question mark (captures from AWS in
 * hotsock/voker#8); the query stays as it was sent.
 * @returns undefined when the path cannot be decoded
 */
export function parseTarget(url: string): Target | undefined {
  const question = url.indexOf('?');
  const encodedPath = question < 0 ? url : url.slice(0, question);
  try {
    const [rawPath = ''] = decodeURIComponent(encodedPath).split('?');
    return { rawPath, rawQueryString: question < 0 ? '' : url.slice(question + 1) };
  } catch {
    return undefined;
  }
}

/** API Gateway's id of a request, of the same form as on AWS. */
export function newRequestId(): string {
  return randomBytes(11).toString('base64');
}

/** An event of payload format 2.0 (docs: http-api-develop-integrations-lambda). */
export function createEvent(input: {
  readonly request: IncomingMessage;
  readonly target: Target;
  /** Empty when none was sent. */
  readonly body: Buffer;
  readonly routeKey: string;
  readonly pathParameters: Readonly<Record<string, string>>;
  readonly stageName: string;
  readonly apiId: string;
  readonly requestId: string;
  readonly now: Date;
}): APIGatewayProxyEventV2 {
  const { request, target, body, routeKey, pathParameters, now } = input;
  const headers = eventHeaders(request, body.byteLength);
  const query = queryStringParameters(target.rawQueryString);
  const cookies = request.headersDistinct['cookie']?.flatMap((line) => line.split(/; */));
  const domainName = headers['host'] ?? 'localhost';
  return {
    version: '2.0',
    routeKey,
    rawPath: target.rawPath,
    rawQueryString: target.rawQueryString,
    ...(cookies && { cookies }),
    headers,
    ...(query && { queryStringParameters: query }),
    requestContext: {
      accountId: laptopAccountId,
      apiId: input.apiId,
      domainName,
      domainPrefix: domainName.split('.')[0] ?? '',
      http: {
        method: request.method ?? 'GET',
        path: target.rawPath,
        protocol: `HTTP/${request.httpVersion}`,
        sourceIp: request.socket.remoteAddress ?? '127.0.0.1',
        userAgent: headers['user-agent'] ?? '',
      },
      requestId: input.requestId,
      routeKey,
      stage: input.stageName,
      time: commonLogTime(now),
      timeEpoch: now.getTime(),
    },
    ...(Object.keys(pathParameters).length > 0 && { pathParameters: { ...pathParameters } }),
    ...eventBody(body, headers),
  };
}

/** Headers between the client and API Gateway only; cookies have a field of their own. */
const droppedHeaders = new Set([
  'connection',
  'cookie',
  'expect',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

function eventHeaders(request: IncomingMessage, bodyBytes: number): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, values] of Object.entries(request.headersDistinct)) {
    if (!droppedHeaders.has(name) && values !== undefined) headers[name] = values.join(',');
  }
  headers['content-length'] = `${bodyBytes}`;
  headers['x-amzn-trace-id'] = newTraceId();
  headers['x-forwarded-for'] = request.socket.remoteAddress ?? '127.0.0.1';
  headers['x-forwarded-port'] = `${request.socket.localPort ?? ''}`;
  headers['x-forwarded-proto'] = 'http';
  return headers;
}

/** Values of a repeated name are joined by commas. */
function queryStringParameters(rawQueryString: string): Record<string, string> | undefined {
  if (rawQueryString === '') return undefined;
  const parameters: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(rawQueryString)) {
    const before = parameters[name];
    parameters[name] = before === undefined ? value : `${before},${value}`;
  }
  return parameters;
}

function eventBody(
  body: Buffer,
  headers: Readonly<Record<string, string>>,
): { body?: string; isBase64Encoded: boolean } {
  if (body.byteLength === 0) return { isBase64Encoded: false };
  return isText(headers)
    ? { body: body.toString('utf8'), isBase64Encoded: false }
    : { body: body.toString('base64'), isBase64Encoded: true };
}

const textTypes = new Set(['application/json', 'application/xml', 'application/javascript']);

/**
 * Which bodies arrive as text. AWS does not document it; ministackorg/ministack#766 found it on AWS, and it
 * is the list that load balancers document, so an encoded body is taken for binary here as there.
 */
function isText(headers: Readonly<Record<string, string>>): boolean {
  if (headers['content-encoding'] !== undefined) return false;
  const mediaType = (headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  return mediaType.startsWith('text/') || textTypes.has(mediaType);
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** E.g. `12/Mar/2026:19:03:58 +0000`. */
function commonLogTime(date: Date): string {
  const day = String(date.getUTCDate()).padStart(2, '0');
  const time = date.toISOString().slice(11, 19);
  return `${day}/${months[date.getUTCMonth()]}/${date.getUTCFullYear()}:${time} +0000`;
}
