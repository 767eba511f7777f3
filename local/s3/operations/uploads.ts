import { parseAttributes } from '../attributes.ts';
import { RequestBody } from '../body.ts';
import {
  type ChecksumAlgorithm,
  type ChecksumType,
  checksumAlgorithms,
  checksumElement,
  checksumHeader,
  defaultChecksumAlgorithm,
  isChecksumAlgorithm,
} from '../checksums.ts';
import type { ObjectHandler } from '../context.ts';
import { canCombine } from '../crc-combine.ts';
import { invalidArgument, S3Error } from '../errors.ts';
import type { OpenUpload, Part } from '../model.ts';
import { emptyReply, xmlReply } from '../reply.ts';
import type { S3Request } from '../request.ts';
import type { XmlContent } from '../xml.ts';
import { owner } from './buckets.ts';
import { parseLimit } from './list-parameters.ts';
import { refuseTooLarge } from './put-object.ts';

export const createMultipartUpload: ObjectHandler = (request, { store }) => {
  const { bucket, key } = request;
  const checksum = parseUploadChecksum(request);
  const upload = store.createUpload(bucket, {
    key,
    attributes: parseAttributes(request),
    ...checksum,
  });
  return xmlReply(
    'InitiateMultipartUploadResult',
    { Bucket: bucket, Key: key, UploadId: upload.id },
    checksum.checksumAlgorithm === undefined
      ? {}
      : {
          'x-amz-checksum-algorithm': checksum.checksumAlgorithm,
          'x-amz-checksum-type': checksum.checksumType,
        },
  );
};

export const uploadPart: ObjectHandler = async (request, { store }) => {
  const { bucket, key } = request;
  const { uploadId, partNumber } = parsePartAddress(request.query);
  const upload = store.upload(bucket, key, uploadId);
  refuseTooLarge(request);
  const body = new RequestBody(request, upload.checksumAlgorithm ?? defaultChecksumAlgorithm);
  requireChecksum(upload, body.promisedAlgorithm);
  await store.blobs.write(body.bytes(), (blobs) => {
    const { md5: etag, sizeBytes, checksum } = body.digests;
    const lastModifiedMs = Date.now();
    const part = { partNumber, sizeBytes, etag, lastModifiedMs, blobs, checksum };
    store.putPart(bucket, key, uploadId, part);
  });
  const { md5, promisedChecksum, checksum } = body.digests;
  const { algorithm, value } = promisedChecksum ?? checksum;
  return emptyReply(200, { etag: `"${md5}"`, [checksumHeader(algorithm)]: value });
};

export const abortMultipartUpload: ObjectHandler = ({ bucket, key, query }, { store }) => {
  store.abortUpload(bucket, key, query.get('uploadId') ?? '');
  return emptyReply(204);
};

export const listParts: ObjectHandler = ({ bucket, key, query }, { store }) => {
  const upload = store.upload(bucket, key, query.get('uploadId') ?? '');
  const limit = parseLimit(query, 'max-parts');
  const marker = Number(query.get('part-number-marker') ?? 0);
  const all = [...upload.parts.values()]
    .filter(({ partNumber }) => partNumber > marker)
    .sort((a, b) => a.partNumber - b.partNumber);
  const page = all.slice(0, limit);
  const truncated = page.length < all.length;
  return xmlReply('ListPartsResult', {
    Bucket: bucket,
    Key: key,
    UploadId: upload.id,
    PartNumberMarker: marker,
    NextPartNumberMarker: truncated ? page.at(-1)?.partNumber : undefined,
    MaxParts: limit,
    IsTruncated: truncated,
    ChecksumAlgorithm: upload.checksumAlgorithm,
    ChecksumType: upload.checksumAlgorithm === undefined ? undefined : upload.checksumType,
    Part: page.map(describePart),
    Initiator: owner,
    Owner: owner,
    StorageClass: upload.attributes.storageClass,
  });
};

/** `uploadId` and `partNumber` of a query. @throws S3Error InvalidArgument */
export function parsePartAddress(query: URLSearchParams): {
  readonly uploadId: string;
  readonly partNumber: number;
} {
  const text = query.get('partNumber') ?? '';
  const partNumber = Number(text);
  if (!Number.isInteger(partNumber) || partNumber < 1 || partNumber > 10_000) {
    throw invalidArgument(
      'partNumber',
      text,
      'Part number must be an integer between 1 and 10000, inclusive',
    );
  }
  return { uploadId: query.get('uploadId') ?? '', partNumber };
}

/**
 * Where an upload was created with a checksum, its parts carry that one and no other; only what is to become a
 * checksum of the whole object may be left to S3. @throws S3Error InvalidRequest
 */
function requireChecksum(upload: OpenUpload, promised: ChecksumAlgorithm | undefined): void {
  const { checksumAlgorithm, checksumType } = upload;
  if (checksumAlgorithm === undefined || promised === checksumAlgorithm) return;
  if (promised === undefined && checksumType === 'FULL_OBJECT') return;
  throw new S3Error('InvalidRequest', {
    message: `Checksum Type mismatch occurred, expected checksum Type: ${checksumAlgorithm.toLowerCase()}, actual checksum Type: ${promised?.toLowerCase() ?? 'null'}`,
  });
}

function parseUploadChecksum(request: S3Request): {
  readonly checksumAlgorithm?: ChecksumAlgorithm;
  readonly checksumType: ChecksumType;
} {
  const algorithm = request.header('x-amz-checksum-algorithm')?.toUpperCase();
  const type = request.header('x-amz-checksum-type')?.toUpperCase();
  if (algorithm === undefined) {
    if (type !== undefined) {
      throw new S3Error('InvalidRequest', {
        message:
          'The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.',
      });
    }
    return { checksumType: 'FULL_OBJECT' };
  }
  if (!isChecksumAlgorithm(algorithm)) {
    throw new S3Error('InvalidRequest', {
      message: `Checksum algorithm provided is unsupported. Please try again with any of the valid types: [${checksumAlgorithms.join(', ')}]`,
    });
  }
  const fallback = algorithm === 'CRC64NVME' ? 'FULL_OBJECT' : 'COMPOSITE';
  const checksumType = type ?? fallback;
  const possible =
    checksumType === 'FULL_OBJECT'
      ? canCombine(algorithm)
      : checksumType === 'COMPOSITE' && algorithm !== 'CRC64NVME';
  if (!possible || (checksumType !== 'FULL_OBJECT' && checksumType !== 'COMPOSITE')) {
    throw new S3Error('InvalidRequest', {
      message: `The ${checksumType} checksum type cannot be used with the ${algorithm.toLowerCase()} checksum algorithm.`,
    });
  }
  return { checksumAlgorithm: algorithm, checksumType };
}

function describePart(part: Part): XmlContent {
  return {
    PartNumber: part.partNumber,
    LastModified: new Date(part.lastModifiedMs).toISOString(),
    ETag: `"${part.etag}"`,
    [checksumElement(part.checksum.algorithm)]: part.checksum.value,
    Size: part.sizeBytes,
  };
}
