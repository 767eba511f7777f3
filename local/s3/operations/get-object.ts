import { attributeHeaders, overrideHeaders } from '../attributes.ts';
import { type Checksum, checksumHeader } from '../checksums.ts';
import { checkReadConditions } from '../conditions.ts';
import { type ObjectHandler, versionHeader } from '../context.ts';
import { invalidArgument, S3Error } from '../errors.ts';
import { findObject, versionIdOf } from '../lookup.ts';
import type { ObjectVersion } from '../model.ts';
import { type ByteRange, contentRange, parseRange, rangeOfPart } from '../range.ts';
import { emptyReply } from '../reply.ts';
import type { ObjectRequest } from '../request.ts';

/** GetObject and HeadObject: the same but for the bytes. */
export const getObject: ObjectHandler = (request, { store }) => {
  const bucket = store.bucket(request.bucket);
  const version = findObject(bucket, request.key, versionIdOf(request.query));
  const identity = {
    etag: `"${version.etag}"`,
    'last-modified': new Date(version.lastModifiedMs).toUTCString(),
    ...versionHeader(bucket, version),
  };
  if (checkReadConditions(request, version) === 'notModified') return emptyReply(304, identity);
  const partNumber = parsePartNumber(request);
  const range =
    partNumber === undefined
      ? parseRange(request.header('range'), version.sizeBytes)
      : rangeOfPart(version, partNumber);
  const { startByte, endByte } = range ?? { startByte: 0, endByte: version.sizeBytes };
  const partial = range !== undefined && version.sizeBytes > 0;
  const headers = {
    ...identity,
    'accept-ranges': 'bytes',
    'content-length': String(endByte - startByte),
    ...attributeHeaders(version.attributes),
    ...overrideHeaders(request.query),
    ...(partial ? { 'content-range': contentRange(range, version.sizeBytes) } : {}),
    ...(partNumber === undefined || version.upload === undefined
      ? {}
      : { 'x-amz-mp-parts-count': String(version.upload.parts.length) }),
    ...(request.header('x-amz-checksum-mode') === 'ENABLED'
      ? checksumHeaders(version, range, partNumber)
      : {}),
  };
  const statusCode = partial ? 206 : 200;
  if (request.method === 'HEAD') return { statusCode, headers };
  return { statusCode, headers, body: store.blobs.read(version.blobs, startByte, endByte) };
};

/** Headers that name a checksum and what it is of. */
export function checksumHeadersOf(checksum: Checksum): Record<string, string> {
  return {
    [checksumHeader(checksum.algorithm)]: checksum.value,
    'x-amz-checksum-type': checksum.type,
  };
}

/** The checksum of what is answered: the object's, a part's, none for any other range. */
function checksumHeaders(
  version: ObjectVersion,
  range: ByteRange | undefined,
  partNumber: number | undefined,
): Record<string, string> {
  if (partNumber !== undefined && version.upload !== undefined) {
    const part = version.upload.parts.find((each) => each.partNumber === partNumber);
    return part === undefined
      ? {}
      : { ...checksumHeadersOf(part.checksum), 'x-amz-checksum-type': version.checksum.type };
  }
  const whole = range === undefined || range.endByte - range.startByte === version.sizeBytes;
  return whole ? checksumHeadersOf(version.checksum) : {};
}

function parsePartNumber(request: ObjectRequest): number | undefined {
  const text = request.query.get('partNumber');
  if (text === null) return undefined;
  const partNumber = Number(text);
  if (!Number.isInteger(partNumber) || partNumber < 1 || partNumber > 10_000) {
    throw invalidArgument(
      'partNumber',
      text,
      'Part number must be an integer between 1 and 10000, inclusive',
    );
  }
  if (request.header('range') !== undefined) {
    throw new S3Error('InvalidRequest', {
      message: 'Cannot specify both Range header and partNumber query parameter',
    });
  }
  return partNumber;
}
