import { invalidArgument, S3Error } from './errors.ts';
import type { ObjectAttributes } from './model.ts';
import { checkHeaderValue, type S3Request } from './request.ts';

/** Headers that are kept with an object and answered with it. */
const keptHeaders = [
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-type',
  'expires',
  'x-amz-website-redirect-location',
] as const;

/** Names and values of the user metadata together. */
const metadataLimitBytes = 2048;

/** Query parameters of a GET that take the place of a kept header, for presigned URLs. */
const overrides = [
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-type',
  'expires',
] as const;

/** What the request's headers say of the object. @throws S3Error MetadataTooLarge, InvalidTag or NotImplemented */
export function parseAttributes(request: S3Request): ObjectAttributes {
  refuseUnsupported(request);
  const metadata = request.headersWithPrefix('x-amz-meta-');
  const metadataBytes = Object.entries(metadata).reduce(
    (sum, [name, value]) => sum + Buffer.byteLength(name) + Buffer.byteLength(value),
    0,
  );
  if (metadataBytes > metadataLimitBytes) {
    throw new S3Error('MetadataTooLarge', {
      details: { Size: metadataBytes, MaxSizeAllowed: metadataLimitBytes },
    });
  }
  return {
    headers: parseKeptHeaders(request),
    metadata,
    tags: parseTagging(request.header('x-amz-tagging')),
    storageClass: request.header('x-amz-storage-class') ?? 'STANDARD',
  };
}

/** Headers of an answer that carries or describes the object. */
export function attributeHeaders(attributes: ObjectAttributes): Record<string, string> {
  const headers: Record<string, string> = { ...attributes.headers };
  for (const [name, value] of Object.entries(attributes.metadata)) {
    headers[`x-amz-meta-${name}`] = value;
  }
  const tagCount = Object.keys(attributes.tags).length;
  if (tagCount > 0) headers['x-amz-tagging-count'] = String(tagCount);
  if (attributes.storageClass !== 'STANDARD') {
    headers['x-amz-storage-class'] = attributes.storageClass;
  }
  return headers;
}

/** The headers that a GET's query asks for: `response-content-type` and so on. @throws S3Error InvalidArgument */
export function overrideHeaders(query: URLSearchParams): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of overrides) {
    const value = query.get(`response-${name}`);
    if (value !== null) headers[name] = checkHeaderValue(value);
  }
  return headers;
}

/** Tags as the header has them, a query string. @throws S3Error InvalidTag or InvalidArgument */
export function parseTagging(text: string | undefined): Readonly<Record<string, string>> {
  return checkTags([...new URLSearchParams(text ?? '')]);
}

/** @throws S3Error InvalidTag: more than 10, a name that is there twice or too long, a value too long */
export function checkTags(
  pairs: readonly (readonly [key: string, value: string])[],
): Readonly<Record<string, string>> {
  if (pairs.length > 10) {
    throw new S3Error('InvalidTag', { message: 'Object tags cannot be greater than 10' });
  }
  for (const [key, value] of pairs) {
    if (key === '' || key.length > 128) {
      throw new S3Error('InvalidTag', { message: 'The TagKey you have provided is invalid' });
    }
    if (value.length > 256) {
      throw new S3Error('InvalidTag', { message: 'The TagValue you have provided is invalid' });
    }
  }
  const tags = Object.fromEntries(pairs);
  if (Object.keys(tags).length < pairs.length) {
    throw new S3Error('InvalidTag', {
      message: 'Cannot provide multiple Tags with the same key',
    });
  }
  return tags;
}

function parseKeptHeaders(request: S3Request): Record<string, string> {
  const headers: Record<string, string> = { 'content-type': 'binary/octet-stream' };
  for (const name of keptHeaders) {
    const value = request.header(name);
    if (value !== undefined) headers[name] = value;
  }
  // aws-chunked describes the transfer, not the object.
  const encodings = headers['content-encoding']?.split(',').map((encoding) => encoding.trim());
  const kept = encodings?.filter((encoding) => encoding !== 'aws-chunked').join(',');
  if (kept === undefined || kept === '') delete headers['content-encoding'];
  else headers['content-encoding'] = kept;
  return headers;
}

/** Ignoring one of these would do something else than was asked. */
function refuseUnsupported(request: S3Request): void {
  for (const name of [
    'x-amz-write-offset-bytes',
    'x-amz-server-side-encryption-customer-algorithm',
    'x-amz-object-lock-mode',
    'x-amz-object-lock-legal-hold',
  ]) {
    if (request.header(name) !== undefined) {
      throw new S3Error('NotImplemented', { details: { Header: name } });
    }
  }
  const directive = request.header('x-amz-tagging-directive');
  if (directive !== undefined && directive !== 'COPY' && directive !== 'REPLACE') {
    throw invalidArgument('x-amz-tagging-directive', directive, 'Unknown tagging directive.');
  }
}
