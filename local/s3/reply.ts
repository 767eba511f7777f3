import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { BlobReader } from './blob-reader.ts';
import type { S3Error } from './errors.ts';
import { expectsContinue, type S3Request } from './request.ts';
import { buildErrorXml, buildXml, type XmlContent } from './xml.ts';

/** An answer that is not sent yet. */
export interface Reply {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  /** A text, or bytes with their `content-length` in the headers. Must be sent or discarded. */
  readonly body?: string | BlobReader;
}

/** What is done to an answer's body on its way. */
export type BodyFault = { readonly kind: 'reset' } | { readonly kind: 'slow'; readonly ms: number };

/** Pieces that a slow body comes in. */
const slowPieces = 8;

export function xmlReply(
  root: string,
  content: XmlContent,
  headers: Readonly<Record<string, string>> = {},
): Reply {
  return {
    statusCode: 200,
    headers: { 'content-type': 'application/xml', ...headers },
    body: buildXml(root, content),
  };
}

export function emptyReply(
  statusCode: number,
  headers: Readonly<Record<string, string>> = {},
): Reply {
  return { statusCode, headers };
}

export function errorReply(error: S3Error, request: { id: string; resource: string }): Reply {
  return {
    statusCode: error.statusCode,
    headers: { 'content-type': 'application/xml', ...error.headers },
    body: buildErrorXml({
      Code: error.code,
      Message: error.message,
      ...error.details,
      Resource: request.resource,
      RequestId: request.id,
      HostId: request.id,
    }),
  };
}

/** Frees what an answer holds that will not be sent. */
export function discard(reply: Reply): void {
  if (reply.body instanceof BlobReader) reply.body.close();
}

/**
 * Sends an answer. Ends without an error when the caller has gone.
 * @param fault what happens to the body, if anything
 */
export async function send(
  reply: Reply,
  http: IncomingMessage,
  response: ServerResponse,
  request: Pick<S3Request, 'id'>,
  fault?: BodyFault,
): Promise<void> {
  const { statusCode, body } = reply;
  const headers: Record<string, string> = {
    'x-amz-request-id': request.id,
    'x-amz-id-2': request.id,
    server: 'AmazonS3',
    ...reply.headers,
  };
  if (typeof body === 'string') headers['content-length'] = String(Buffer.byteLength(body));
  // Only answers without a body by their nature, 204 and 304, go without a length.
  if (body === undefined && statusCode !== 204 && statusCode !== 304) {
    headers['content-length'] ??= '0';
  }
  // The client may or may not send the body that it was never asked for: the next request cannot be told apart.
  if (expectsContinue(http) && !http.readableDidRead) headers['connection'] = 'close';
  try {
    response.writeHead(statusCode, headers);
  } catch (error) {
    discard(reply);
    throw error;
  }
  if (http.method === 'HEAD' || body === undefined) {
    discard(reply);
    response.end();
    return;
  }
  if (typeof body === 'string' && fault === undefined) {
    response.end(body);
    return;
  }
  if (fault === undefined && typeof body !== 'string') {
    await unlessGone(response, () => body.sendTo(response));
    return;
  }
  const stream = typeof body === 'string' ? Readable.from([Buffer.from(body)]) : body.stream();
  if (fault?.kind === 'slow') {
    const slow = Readable.from(slowed(stream, fault.ms));
    await unlessGone(response, () => pipeline(slow, response));
    stream.destroy();
    return;
  }
  await sendHalf(stream, Number(headers['content-length']), response);
}

/** Sends a body, unless the caller goes away in the middle of it. */
async function unlessGone(response: ServerResponse, sendBody: () => Promise<void>): Promise<void> {
  try {
    await sendBody();
  } catch (error) {
    // The status is long gone: a broken connection is the only way to tell the caller.
    response.destroy();
    if (!isHangUp(error)) throw error;
  }
}

/** Breaks the connection as a crashed server does. */
export function reset(http: IncomingMessage): void {
  http.socket.resetAndDestroy();
}

/** Whether an error says no more than that the caller went away. */
export function isHangUp(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    [
      'ECONNRESET',
      'EPIPE',
      'ERR_STREAM_PREMATURE_CLOSE',
      'ERR_STREAM_DESTROYED',
      'ECONNABORTED',
    ].includes(String(error.code))
  );
}

async function sendHalf(
  stream: Readable,
  sizeBytes: number,
  response: ServerResponse,
): Promise<void> {
  let missing = Math.floor(sizeBytes / 2);
  for await (const chunk of stream) {
    const bytes = Buffer.from(chunk).subarray(0, missing);
    missing -= bytes.byteLength;
    await new Promise((resolve) => response.write(bytes, resolve));
    if (missing === 0 || response.destroyed) break;
  }
  response.socket?.resetAndDestroy();
}

async function* slowed(stream: Readable, ms: number): AsyncGenerator<Buffer> {
  for await (const chunk of stream) {
    const bytes = Buffer.from(chunk);
    const pieceBytes = Math.max(1, Math.ceil(bytes.byteLength / slowPieces));
    for (let start = 0; start < bytes.byteLength; start += pieceBytes) {
      await sleep(ms / slowPieces);
      yield bytes.subarray(start, start + pieceBytes);
    }
  }
}
