/** What goes back to the client. */
export interface GatewayResponse {
  readonly statusCode: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** One `set-cookie` header each. */
  readonly cookies: readonly string[];
  readonly body: Buffer;
}

/** API Gateway's own answers: `{"message"}` under these words. */
export const gatewayMessages = {
  400: 'Bad Request',
  404: 'Not Found',
  413: 'Request Entity Too Large',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
} as const;

export function gatewayMessage(statusCode: keyof typeof gatewayMessages): GatewayResponse {
  return {
    statusCode,
    headers: { 'content-type': 'application/json' },
    cookies: [],
    body: Buffer.from(JSON.stringify({ message: gatewayMessages[statusCode] })),
  };
}

/**
 * What a function returned, as API Gateway reads it in payload format 2.0: an object with `statusCode` is a
 * response, anything else is the body of a 200 (docs: http-api-develop-integrations-lambda).
 * @param payload JSON text
 * @returns API Gateway's 500 when the response is malformed
 */
export function parseFunctionResponse(payload: string): GatewayResponse {
  const value: unknown = JSON.parse(payload);
  if (!isRecord(value) || !('statusCode' in value)) {
    const body = typeof value === 'string' ? value : payload;
    return {
      statusCode: 200,
      headers: { 'content-type': 'application/json' },
      cookies: [],
      body: Buffer.from(body),
    };
  }
  const statusCode = Number(value['statusCode']);
  const headers = parseHeaders(value['headers']);
  const cookies = parseCookies(value['cookies']);
  const body = value['body'] ?? '';
  const isMalformed =
    !Number.isInteger(statusCode) ||
    statusCode < 200 ||
    statusCode > 599 ||
    headers === undefined ||
    cookies === undefined ||
    typeof body !== 'string';
  if (isMalformed) return gatewayMessage(500);
  return {
    statusCode,
    headers: { 'content-type': 'text/plain;charset=utf-8', ...headers },
    cookies,
    body: Buffer.from(body, value['isBase64Encoded'] === true ? 'base64' : 'utf8'),
  };
}

/** Headers that the gateway writes itself, whatever the function says. */
const ownHeaders = new Set(['connection', 'content-length', 'keep-alive', 'transfer-encoding']);

function parseHeaders(value: unknown): Record<string, string> | undefined {
  if (value === undefined || value === null) return {};
  if (!isRecord(value)) return undefined;
  const headers: Record<string, string> = {};
  for (const [name, text] of Object.entries(value)) {
    if (typeof text === 'object') return undefined;
    const lowerCase = name.toLowerCase();
    if (!ownHeaders.has(lowerCase)) headers[lowerCase] = String(text);
  }
  return headers;
}

function parseCookies(value: unknown): string[] | undefined {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) && value.every((each) => typeof each === 'string')
    ? value
    : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
