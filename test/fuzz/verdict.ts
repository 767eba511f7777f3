import { gunzipSync, inflateSync } from 'node:zlib';
import { gatewayMessages } from '../../local/gateway/response.ts';
import type { FuzzRequest } from './requests.ts';

/** What came back. */
export interface FuzzAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Uint8Array;
}

const longestMessage = 2000;

/**
 * What is wrong with an answer, in sentences; none for one that is as it should be.
 * @param secrets folders and buckets of the server, which no caller may hear of
 */
export function complaintsOf(
  request: FuzzRequest,
  answer: FuzzAnswer,
  secrets: readonly string[],
): string[] {
  const { status, headers } = answer;
  const complaints: string[] = [];
  if (status >= 500 && status !== 503 && status !== 504) complaints.push(`status ${status}`);
  let body: Uint8Array;
  try {
    body = decoded(answer);
  } catch (error) {
    return [...complaints, `its content coding is not right: ${String(error)}`];
  }
  const text = Buffer.from(body).toString();
  const told = secrets.find((secret) => text.includes(secret));
  if (told !== undefined) complaints.push(`it tells ${told}`);
  if (/\n\s+at /.test(text)) complaints.push('it tells a stack');
  if (request.method === 'HEAD') {
    if (body.length > 0) complaints.push('HEAD with a body');
  } else if (status >= 400) {
    complaints.push(...complaintsOfError(status, text));
  } else {
    complaints.push(...complaintsOfBody(headers, body));
  }
  complaints.push(...complaintsOfExpected(request, answer, body));
  return complaints;
}

function decoded({ headers, body }: FuzzAnswer): Uint8Array {
  const coding = headers['content-encoding'];
  if (coding === undefined || body.length === 0) return body;
  if (coding === 'gzip') return gunzipSync(body);
  if (coding === 'deflate') return inflateSync(body);
  throw new Error(coding);
}

/** The protocol's `{"error"}`, or API Gateway's own `{"message"}`. */
function complaintsOfError(status: number, text: string): string[] {
  const document = parse(text);
  const gateway = Object.entries(gatewayMessages).find(([code]) => Number(code) === status);
  if (text === JSON.stringify({ message: gateway?.[1] })) return [];
  const error = isObject(document) ? document['error'] : undefined;
  if (typeof error !== 'string' || error.length === 0)
    return [`no error form: ${text.slice(0, 200)}`];
  return error.length > longestMessage ? [`a message of ${error.length} characters`] : [];
}

function complaintsOfBody(headers: FuzzAnswer['headers'], body: Uint8Array): string[] {
  const type = headers['content-type'] ?? '';
  if (/^application\/json(;|$)/.test(type) && body.length > 0) {
    return parse(Buffer.from(body).toString()) === undefined ? ['JSON that is not'] : [];
  }
  const headerLength = headers['inference-header-content-length'];
  if (headerLength === undefined) return [];
  const document = parse(Buffer.from(body.subarray(0, Number(headerLength))).toString());
  const outputs = isObject(document) ? document['outputs'] : undefined;
  if (!Array.isArray(outputs)) return ['a binary answer without JSON in front'];
  const sizes = outputs.map((output) => Number(output.parameters?.binary_data_size ?? 0));
  const size = sizes.reduce((sum, each) => sum + each, Number(headerLength));
  return size === body.length ? [] : [`${body.length} bytes, its sizes say ${size}`];
}

function complaintsOfExpected(
  { expected }: FuzzRequest,
  { status }: FuzzAnswer,
  body: Uint8Array,
): string[] {
  if (expected === undefined) return [];
  const got = `${status} ${Buffer.from(body).toString().slice(0, 300)}`;
  if (status !== expected.status)
    return [`a valid request: expected ${expected.status}, got ${got}`];
  return Buffer.from(body).includes(Buffer.from(expected.answer))
    ? []
    : [
        `a valid request: expected ${Buffer.from(expected.answer).toString().slice(0, 300)}, got ${got}`,
      ];
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
