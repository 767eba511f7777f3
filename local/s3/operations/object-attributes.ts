import { checksumElement } from '../checksums.ts';
import { type ObjectHandler, versionHeader } from '../context.ts';
import { invalidArgument } from '../errors.ts';
import { findObject, versionIdOf } from '../lookup.ts';
import type { ObjectVersion } from '../model.ts';
import { xmlReply } from '../reply.ts';
import type { XmlValue } from '../xml.ts';

/** What can be asked for, and how it is answered. The ETag has no quotes here. */
const describe: Readonly<Record<string, (version: ObjectVersion) => XmlValue | undefined>> = {
  ETag: ({ etag }) => etag,
  Checksum: ({ checksum }) => ({
    [checksumElement(checksum.algorithm)]: checksum.value,
    ChecksumType: checksum.type,
  }),
  ObjectParts: describeParts,
  StorageClass: ({ attributes }) => attributes.storageClass,
  ObjectSize: ({ sizeBytes }) => sizeBytes,
};

/** GetObjectAttributes; all parts in one answer, whatever `x-amz-max-parts` says. */
export const getObjectAttributes: ObjectHandler = (request, { store }) => {
  const bucket = store.bucket(request.bucket);
  const version = findObject(bucket, request.key, versionIdOf(request.query));
  const asked = request.header('x-amz-object-attributes') ?? '';
  const names = asked.split(',').map((name) => name.trim());
  const answers = names.map((name) => {
    const answer = describe[name];
    if (answer === undefined) {
      throw invalidArgument('x-amz-object-attributes', asked, 'Invalid attribute name specified.');
    }
    return [name, answer(version)] as const;
  });
  return xmlReply('GetObjectAttributesResponse', Object.fromEntries(answers), {
    'last-modified': new Date(version.lastModifiedMs).toUTCString(),
    ...versionHeader(bucket, version),
  });
};

function describeParts({ upload }: ObjectVersion): XmlValue | undefined {
  if (upload === undefined) return undefined;
  return {
    PartsCount: upload.parts.length,
    IsTruncated: false,
    Part: upload.parts.map(({ partNumber, sizeBytes, checksum }) => ({
      PartNumber: partNumber,
      Size: sizeBytes,
      [checksumElement(checksum.algorithm)]: checksum.value,
    })),
  };
}
