import type { IncomingMessage, ServerResponse } from 'node:http';
import { S3Error } from './errors.ts';

/** Longest key, in bytes of UTF-8. */
const keyLimitBytes = 1024;

/** What one HTTP request says, taken apart. Signatures are not looked at. */
export interface S3Request {
  readonly method: string;
  /** Undefined for the service itself (ListBuckets). */
  readonly bucket: string | undefined;
  /** Undefined for the bucket itself. */
  readonly key: string | undefined;
  readonly query: URLSearchParams;
  /** The path as it came, for error answers. */
  readonly resource: string;
  readonly id: string;
  /** The address that the caller used: `http://127.0.0.1:9000`. */
  readonly origin: string;
  /**
   * A header by lower-case name, or the query parameter that stands for it in a presigned URL
   * (`x-amz-*` and `X-Amz-*` only). Undefined when absent or empty.
   */
  header(name: string): string | undefined;
  /** The headers whose name begins with `prefix`, by lower-case name without it. */
  headersWithPrefix(prefix: string): Readonly<Record<string, string>>;
  /** The body as it comes over the wire. A client that waits with it (`Expect: 100-continue`) is told to send it. */
  body(): AsyncIterable<Buffer>;
}

/** A request to a bucket, or to an object in it. */
export type BucketRequest = S3Request & { readonly bucket: string };

/** A request to an object. */
export type ObjectRequest = BucketRequest & { readonly key: string };

/** @throws S3Error InvalidURI, KeyTooLongError or AccessDenied (an expired presigned URL) */
export function parseRequest(
  http: IncomingMessage,
  response: ServerResponse,
  id: string,
): S3Request {
  // Not `new URL`, which resolves `..` and would turn one key into another.
  const target = http.url ?? '/';
  const questionMark = target.indexOf('?');
  const resource = questionMark < 0 ? target : target.slice(0, questionMark);
  const query = new URLSearchParams(questionMark < 0 ? '' : target.slice(questionMark + 1));
  const host = http.headers.host ?? 'localhost';
  const { bucket, key } = splitPath(resource, bucketOfHost(host));
  refuseExpired(query);
  const hoisted = hoistedHeaders(query);
  return {
    method: http.method ?? 'GET',
    bucket,
    key,
    query,
    resource,
    id,
    origin: `http://${host}`,
    header: (name) => textOf(http.headers[name]) ?? hoisted.get(name),
    headersWithPrefix: (prefix) => {
      const all = [...hoisted, ...Object.entries(http.headers)];
      return Object.fromEntries(
        all.flatMap(([name, value]) =>
          name.startsWith(prefix) ? [[name.slice(prefix.length), String(value)]] : [],
        ),
      );
    },
    body: () => {
      if (expectsContinue(http)) response.writeContinue();
      // A body that is left unread must not take the connection, and the answer, with it.
      const iterator: AsyncIterator<Buffer> = http.iterator({ destroyOnReturn: false });
      return { [Symbol.asyncIterator]: () => iterator };
    },
  };
}

/** Whether the client holds its body back until it is asked for it. */
export function expectsContinue(http: IncomingMessage): boolean {
  return http.headers.expect?.toLowerCase() === '100-continue';
}

/**
 * A path or copy source percent-decoded, where S3 reads an unescaped `+` as a space.
 * @throws S3Error InvalidURI
 */
export function decodeKey(encoded: string): string {
  try {
    return decodeURIComponent(encoded.replaceAll('+', ' '));
  } catch {
    throw new S3Error('InvalidURI');
  }
}

/** `bucket.localhost:9000` and `bucket.s3.localhost` name the bucket in the host (virtual-hosted style). */
export function bucketOfHost(host: string): string | undefined {
  return /^(.+?)(?:\.s3)?\.localhost(?::\d+)?$/.exec(host)?.[1];
}

function splitPath(
  path: string,
  hostBucket: string | undefined,
): { readonly bucket: string | undefined; readonly key: string | undefined } {
  const rest = path.slice(1);
  const slash = hostBucket === undefined ? rest.indexOf('/') : -1;
  const bucket = hostBucket ?? (slash < 0 ? rest : rest.slice(0, slash));
  const encodedKey = hostBucket !== undefined ? rest : slash < 0 ? '' : rest.slice(slash + 1);
  const key = decodeKey(encodedKey);
  if (Buffer.byteLength(key) > keyLimitBytes) {
    throw new S3Error('KeyTooLongError', {
      details: { Size: Buffer.byteLength(key), MaxSizeAllowed: keyLimitBytes },
    });
  }
  return {
    bucket: bucket === '' ? undefined : decodeKey(bucket),
    key: key === '' ? undefined : key,
  };
}

function hoistedHeaders(query: URLSearchParams): ReadonlyMap<string, string> {
  const hoisted = new Map<string, string>();
  for (const [name, value] of query) {
    const lower = name.toLowerCase();
    if (lower.startsWith('x-amz-') && value !== '') hoisted.set(lower, checkHeaderValue(value));
  }
  return hoisted;
}

/** A value that is to become a header. @throws S3Error InvalidArgument where it cannot be one */
export function checkHeaderValue(value: string): string {
  if (/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) return value;
  throw new S3Error('InvalidArgument', {
    message: 'Header value cannot be represented using ISO-8859-1.',
    details: { ArgumentValue: value },
  });
}

function textOf(value: string | string[] | undefined): string | undefined {
  const text = Array.isArray(value) ? value.join(',') : value;
  return text === '' ? undefined : text;
}

/** A presigned URL says how long it is of use; past that it is refused, whatever its signature. */
function refuseExpired(query: URLSearchParams): void {
  const expiresMs = query.has('AWSAccessKeyId')
    ? Number(query.get('Expires')) * 1000
    : timeOf(query.get('X-Amz-Date')) + Number(query.get('X-Amz-Expires') ?? Number.NaN) * 1000;
  if (expiresMs < Date.now()) {
    throw new S3Error('AccessDenied', { message: 'Request has expired' });
  }
}

/** `20261124T120000Z` in milliseconds; NaN when it is none. */
function timeOf(text: string | null): number {
  const iso = text?.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z');
  return Date.parse(iso ?? '');
}
