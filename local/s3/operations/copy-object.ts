import { createHash } from 'node:crypto';
import { parseAttributes } from '../attributes.ts';
import {
  type ChecksumAlgorithm,
  checksumElement,
  createHasher,
  defaultChecksumAlgorithm,
  digestBase64,
  isChecksumAlgorithm,
} from '../checksums.ts';
import { checkCopySourceConditions, parseWriteConditions } from '../conditions.ts';
import { type ObjectHandler, versionHeader } from '../context.ts';
import { invalidArgument, S3Error } from '../errors.ts';
import { findObject } from '../lookup.ts';
import type { Bucket, ObjectAttributes, ObjectVersion, Part } from '../model.ts';
import type { ByteRange } from '../range.ts';
import { xmlReply } from '../reply.ts';
import { decodeKey, type ObjectRequest } from '../request.ts';
import type { Store } from '../store.ts';
import { parsePartAddress } from './uploads.ts';

/** The most that one copy may move. */
const copyLimitBytes = 5 * 1024 ** 3;

/** What a copy reads. */
interface CopySource {
  readonly bucket: Bucket;
  readonly key: string;
  readonly version: ObjectVersion;
  /** Headers of the answer that name the version. */
  readonly headers: Readonly<Record<string, string>>;
}

export const copyObject: ObjectHandler = async (request, { store }) => {
  const { bucket, key } = request;
  store.bucket(bucket);
  const source = findSource(request, store);
  if (source.version.sizeBytes > copyLimitBytes) {
    throw new S3Error('InvalidRequest', {
      message: `The specified copy source is larger than the maximum allowable size for a copy source: ${copyLimitBytes}`,
    });
  }
  const attributes = attributesOfCopy(request, source);
  const algorithm = checksumAlgorithmOfCopy(request, source.version);
  const conditions = parseWriteConditions(request);
  const version = await store.underConditions(bucket, key, conditions, (check) => {
    const whole = { startByte: 0, endByte: source.version.sizeBytes };
    return copyBytes(store, source.version, whole, algorithm, (bytes) =>
      store.putObject(bucket, key, { ...bytes, attributes }, 'ObjectCreated:Copy', check),
    );
  });
  return xmlReply(
    'CopyObjectResult',
    {
      ETag: `"${version.etag}"`,
      LastModified: new Date(version.lastModifiedMs).toISOString(),
      [checksumElement(version.checksum.algorithm)]: version.checksum.value,
      ChecksumType: version.checksum.type,
    },
    { ...source.headers, ...versionHeader(store.bucket(bucket), version) },
  );
};

export const uploadPartCopy: ObjectHandler = async (request, { store }) => {
  const { bucket, key } = request;
  const { uploadId, partNumber } = parsePartAddress(request.query);
  const upload = store.upload(bucket, key, uploadId);
  const { version, headers } = findSource(request, store);
  const range = parseSourceRange(request, version.sizeBytes);
  const algorithm = upload.checksumAlgorithm ?? defaultChecksumAlgorithm;
  const part = await copyBytes(store, version, range, algorithm, (bytes): Part => {
    const copied = { ...bytes, partNumber, lastModifiedMs: Date.now() };
    store.putPart(bucket, key, uploadId, copied);
    return copied;
  });
  return xmlReply(
    'CopyPartResult',
    {
      ETag: `"${part.etag}"`,
      LastModified: new Date(part.lastModifiedMs).toISOString(),
      [checksumElement(part.checksum.algorithm)]: part.checksum.value,
    },
    headers,
  );
};

/** The bytes that a copy made, and what was computed over them. */
type CopiedBytes = Pick<Part, 'etag' | 'sizeBytes' | 'blobs' | 'checksum'>;

/** Writes a new blob, and hashes on the way: the copy of a multipart object has an ETag of its own. */
async function copyBytes<T>(
  store: Store,
  source: ObjectVersion,
  { startByte, endByte }: ByteRange,
  algorithm: ChecksumAlgorithm,
  keep: (bytes: CopiedBytes) => T,
): Promise<T> {
  const md5 = createHash('md5');
  const hasher = createHasher(algorithm);
  let value = '';
  // Opened at once: the source may be deleted while the first file is being made.
  const stream = store.blobs.read(source.blobs, startByte, endByte).stream();
  const hashed = async function* (): AsyncGenerator<Buffer> {
    for await (const chunk of stream) {
      const bytes = Buffer.from(chunk);
      md5.update(bytes);
      hasher.update(bytes);
      yield bytes;
    }
    value = await digestBase64(hasher);
  };
  try {
    return await store.blobs.write(hashed(), (blobs) =>
      keep({
        etag: md5.digest('hex'),
        sizeBytes: endByte - startByte,
        blobs,
        checksum: { algorithm, value, type: 'FULL_OBJECT' },
      }),
    );
  } finally {
    stream.destroy();
  }
}

/** `x-amz-copy-source`: `[/]bucket/key[?versionId=...]`, percent-encoded. */
function findSource(request: ObjectRequest, store: Store): CopySource {
  const header = request.header('x-amz-copy-source') ?? '';
  const [path = '', versionId] = header.split('?versionId=');
  const decoded = decodeKey(path).replace(/^\//, '');
  const slash = decoded.indexOf('/');
  const key = decoded.slice(slash + 1);
  if (slash <= 0 || key === '') {
    throw invalidArgument(
      'x-amz-copy-source',
      header,
      'Copy Source must mention the source bucket and key: sourcebucket/sourcekey',
    );
  }
  const bucket = store.bucket(decoded.slice(0, slash));
  const version = findObject(bucket, key, versionId);
  checkCopySourceConditions(request, version);
  const headers: Record<string, string> =
    bucket.versioning === undefined ? {} : { 'x-amz-copy-source-version-id': version.versionId };
  return { bucket, key, version, headers };
}

function attributesOfCopy(request: ObjectRequest, source: CopySource): ObjectAttributes {
  const given = parseAttributes(request);
  const kept = source.version.attributes;
  const replaces = parseDirective(request) === 'REPLACE';
  const storageClass = request.header('x-amz-storage-class') ?? 'STANDARD';
  const ontoItself = request.bucket === source.bucket.name && request.key === source.key;
  const isCurrent = source.bucket.objects.get(source.key)?.[0] === source.version;
  if (ontoItself && isCurrent && !replaces && storageClass === kept.storageClass) {
    throw new S3Error('InvalidRequest', {
      message:
        "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
    });
  }
  return {
    headers: replaces ? given.headers : kept.headers,
    metadata: replaces ? given.metadata : kept.metadata,
    tags: request.header('x-amz-tagging-directive') === 'REPLACE' ? given.tags : kept.tags,
    storageClass,
  };
}

function parseDirective(request: ObjectRequest): string {
  const directive = request.header('x-amz-metadata-directive') ?? 'COPY';
  if (directive !== 'COPY' && directive !== 'REPLACE') {
    throw invalidArgument('x-amz-metadata-directive', directive, 'Unknown metadata directive.');
  }
  return directive;
}

function checksumAlgorithmOfCopy(request: ObjectRequest, source: ObjectVersion): ChecksumAlgorithm {
  const asked = request.header('x-amz-checksum-algorithm')?.toUpperCase();
  if (asked === undefined) return source.checksum.algorithm;
  if (isChecksumAlgorithm(asked)) return asked;
  throw new S3Error('InvalidRequest', {
    message: 'Checksum algorithm provided is unsupported.',
  });
}

/** `bytes=a-b`, both named, within the source. @throws S3Error InvalidArgument */
function parseSourceRange(request: ObjectRequest, sizeBytes: number): ByteRange {
  const header = request.header('x-amz-copy-source-range');
  if (header === undefined) return { startByte: 0, endByte: sizeBytes };
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(header) ?? [];
  if (first === undefined || last === undefined || Number(first) > Number(last)) {
    throw invalidArgument(
      'x-amz-copy-source-range',
      header,
      'The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy',
    );
  }
  if (Number(last) >= sizeBytes) {
    throw invalidArgument(
      'x-amz-copy-source-range',
      header,
      `Range specified is not valid for source object of size: ${sizeBytes}`,
    );
  }
  return { startByte: Number(first), endByte: Number(last) + 1 };
}
