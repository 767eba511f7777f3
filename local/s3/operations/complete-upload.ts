import { createHash } from 'node:crypto';
import {
  type Checksum,
  type ChecksumAlgorithm,
  checksumAlgorithms,
  checksumElement,
  checksumHeader,
  compositeChecksum,
  defaultChecksumAlgorithm,
} from '../checksums.ts';
import { parseWriteConditions, unquoted } from '../conditions.ts';
import { type ObjectHandler, versionHeader } from '../context.ts';
import { combineCrcs } from '../crc-combine.ts';
import { S3Error } from '../errors.ts';
import type { Bucket, ObjectVersion, OpenUpload, Part } from '../model.ts';
import { type Reply, xmlReply } from '../reply.ts';
import type { ObjectRequest } from '../request.ts';
import { parseXml, readDocument, type XmlElement } from '../xml.ts';

/** The least that every part but the last must have. */
const partMinimumBytes = 5 * 1024 * 1024;

/** A part as the request names it. */
interface NamedPart {
  readonly partNumber: number;
  readonly etag: string;
  readonly checksum: { readonly algorithm: ChecksumAlgorithm; readonly value: string } | undefined;
}

export const completeMultipartUpload: ObjectHandler = async (request, { store }) => {
  const { bucket, key, query } = request;
  const uploadId = query.get('uploadId') ?? '';
  const named = parseParts(parseXml(await readDocument(request.body()), 'CompleteMultipartUpload'));
  const earlier = completedBy(store.bucket(bucket), key, uploadId, named);
  if (earlier !== undefined) return completedReply(request, store.bucket(bucket), earlier);
  const upload = store.upload(bucket, key, uploadId);
  const parts = choose(upload, named);
  const sizeBytes = parts.reduce((sum, part) => sum + part.sizeBytes, 0);
  checkObjectSize(request, sizeBytes);
  const checksum = await checksumOf(upload, parts);
  checkObjectChecksum(request, checksum);
  const conditions = parseWriteConditions(request);
  const version = await store.underConditions(bucket, key, conditions, async (check) => {
    const draft = {
      etag: etagOf(parts),
      sizeBytes,
      blobs: parts.flatMap(({ blobs }) => blobs),
      attributes: upload.attributes,
      checksum,
      upload: { id: upload.id, parts: parts.map(({ blobs: _, ...part }) => part) },
    };
    return store.putObject(bucket, key, draft, 'ObjectCreated:CompleteMultipartUpload', () => {
      // Another request may have completed or aborted it, or replaced a part, while checksums were computed.
      if (choose(store.upload(bucket, key, uploadId), named).some((part, i) => part !== parts[i])) {
        throw new S3Error('InvalidPart');
      }
      check();
    });
  });
  return completedReply(request, store.bucket(bucket), version);
};

/** MD5 of the parts' MD5s, and how many they are. */
function etagOf(parts: readonly Part[]): string {
  const md5 = createHash('md5');
  for (const { etag } of parts) md5.update(Buffer.from(etag, 'hex'));
  return `${md5.digest('hex')}-${parts.length}`;
}

function completedReply(request: ObjectRequest, bucket: Bucket, version: ObjectVersion): Reply {
  return xmlReply(
    'CompleteMultipartUploadResult',
    {
      Location: `${request.origin}/${bucket.name}/${encodeURIComponent(request.key)}`,
      Bucket: bucket.name,
      Key: request.key,
      ETag: `"${version.etag}"`,
      [checksumElement(version.checksum.algorithm)]: version.checksum.value,
      ChecksumType: version.checksum.type,
    },
    versionHeader(bucket, version),
  );
}

/** Completing again what was completed with the same parts gives the same answer, as long as the object is there. */
function completedBy(
  bucket: Bucket,
  key: string,
  uploadId: string,
  named: readonly NamedPart[],
): ObjectVersion | undefined {
  for (const version of bucket.objects.get(key) ?? []) {
    if (version.deleteMarker || version.upload?.id !== uploadId) continue;
    const { parts } = version.upload;
    const same =
      parts.length === named.length &&
      parts.every(({ etag }, index) => etag === named[index]?.etag);
    return same ? version : undefined;
  }
  return undefined;
}

/** @throws S3Error MalformedXML or InvalidPartOrder */
function parseParts(document: XmlElement): readonly NamedPart[] {
  const parts = document.elements('Part').map((element): NamedPart => {
    const partNumber = Number(element.requiredText('PartNumber'));
    if (!Number.isInteger(partNumber)) throw new S3Error('MalformedXML');
    const [checksum] = checksumAlgorithms.flatMap((algorithm) => {
      const value = element.text(checksumElement(algorithm));
      return value === undefined ? [] : [{ algorithm, value }];
    });
    return { partNumber, etag: unquoted(element.requiredText('ETag')), checksum };
  });
  if (parts.length === 0 || parts.length > 10_000) throw new S3Error('MalformedXML');
  parts.forEach(({ partNumber }, index) => {
    const previous = parts[index - 1];
    if (previous !== undefined && previous.partNumber >= partNumber) {
      throw new S3Error('InvalidPartOrder');
    }
  });
  return parts;
}

/** The stored parts that the request names. @throws S3Error InvalidPart, InvalidRequest or EntityTooSmall */
function choose(upload: OpenUpload, named: readonly NamedPart[]): readonly Part[] {
  return named.map(({ partNumber, etag, checksum }, index) => {
    const part = upload.parts.get(partNumber);
    // AWS takes a checksum here only where the upload was created with one.
    const matches =
      part?.etag === etag &&
      (checksum === undefined ||
        (checksum.algorithm === upload.checksumAlgorithm &&
          checksum.value === part.checksum.value));
    if (part === undefined || !matches) {
      throw new S3Error('InvalidPart', {
        details: { UploadId: upload.id, PartNumber: partNumber, ETag: etag },
      });
    }
    if (
      checksum === undefined &&
      upload.checksumAlgorithm !== undefined &&
      upload.checksumType === 'COMPOSITE'
    ) {
      throw new S3Error('InvalidRequest', {
        message: `The upload was created using a ${upload.checksumAlgorithm.toLowerCase()} checksum. The complete request must include the checksum for each part. It was missing for part ${partNumber} in the request.`,
      });
    }
    if (index < named.length - 1 && part.sizeBytes < partMinimumBytes) {
      throw new S3Error('EntityTooSmall', {
        details: {
          ProposedSize: part.sizeBytes,
          MinSizeAllowed: partMinimumBytes,
          PartNumber: partNumber,
          ETag: etag,
        },
      });
    }
    return part;
  });
}

async function checksumOf(upload: OpenUpload, parts: readonly Part[]): Promise<Checksum> {
  const algorithm = upload.checksumAlgorithm ?? defaultChecksumAlgorithm;
  const type = upload.checksumType;
  if (type === 'COMPOSITE') {
    const values = parts.map(({ checksum }) => checksum.value);
    return { algorithm, type, value: await compositeChecksum(algorithm, values) };
  }
  const values = parts.map(({ checksum, sizeBytes }) => ({ value: checksum.value, sizeBytes }));
  return { algorithm, type, value: combineCrcs(algorithm, values) };
}

function checkObjectChecksum(request: ObjectRequest, checksum: Checksum): void {
  const promised = request.header(checksumHeader(checksum.algorithm));
  if (promised !== undefined && promised !== checksum.value) {
    throw new S3Error('BadDigest', {
      message: `The ${checksum.algorithm} you specified did not match the calculated checksum.`,
    });
  }
  const type = request.header('x-amz-checksum-type');
  if (type !== undefined && type !== checksum.type) {
    throw new S3Error('InvalidRequest', {
      message: `The upload was created using the ${checksum.type} checksum mode. The complete request must use the same checksum mode.`,
    });
  }
}

function checkObjectSize(request: ObjectRequest, sizeBytes: number): void {
  const promised = request.header('x-amz-mp-object-size');
  if (promised !== undefined && Number(promised) !== sizeBytes) {
    throw new S3Error('InvalidRequest', {
      message: `The provided 'x-amz-mp-object-size' header value ${promised} does not match what was computed: ${sizeBytes}`,
    });
  }
}
