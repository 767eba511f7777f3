import type { BucketHandler, ServiceHandler } from '../context.ts';
import { S3Error } from '../errors.ts';
import { emptyReply, xmlReply } from '../reply.ts';
import { parseXml, readDocument } from '../xml.ts';

/** The one owner of everything. */
export const owner = { ID: '0'.repeat(64), DisplayName: 'local' } as const;

export const listBuckets: ServiceHandler = ({ query }, { store, region }) => {
  const prefix = query.get('prefix') ?? '';
  const after = query.get('continuation-token') ?? '';
  const limit = Number(query.get('max-buckets') ?? 10_000);
  const found = store.buckets.filter(({ name }) => name.startsWith(prefix) && name > after);
  const page = found.slice(0, limit);
  const isLast = page.length === found.length;
  return xmlReply('ListAllMyBucketsResult', {
    Owner: owner,
    Buckets: {
      Bucket: page.map(({ name, createdMs }) => ({
        Name: name,
        CreationDate: new Date(createdMs).toISOString(),
        BucketRegion: region,
      })),
    },
    ContinuationToken: isLast ? undefined : page.at(-1)?.name,
    Prefix: query.has('prefix') ? prefix : undefined,
  });
};

/** Creating one's own bucket again is harmless, as AWS has it in us-east-1. */
export const createBucket: BucketHandler = async (request, { store }) => {
  const { bucket } = request;
  if (!isBucketName(bucket)) {
    throw new S3Error('InvalidBucketName', { details: { BucketName: bucket } });
  }
  const document = await readDocument(request.body());
  if (document.byteLength > 0) parseXml(document, 'CreateBucketConfiguration');
  if (!store.hasBucket(bucket)) store.createBucket(bucket);
  return emptyReply(200, { location: `/${bucket}` });
};

export const headBucket: BucketHandler = ({ bucket }, { store, region }) => {
  store.bucket(bucket);
  return emptyReply(200, { 'x-amz-bucket-region': region });
};

export const deleteBucket: BucketHandler = ({ bucket }, { store }) => {
  store.deleteBucket(bucket);
  return emptyReply(204);
};

/** The region us-east-1 is the one that has no name here. */
export const getBucketLocation: BucketHandler = ({ bucket }, { store, region }) => {
  store.bucket(bucket);
  return xmlReply('LocationConstraint', region === 'us-east-1' ? {} : { '#text': region });
};

export const getBucketVersioning: BucketHandler = ({ bucket }, { store }) =>
  xmlReply('VersioningConfiguration', { Status: store.bucket(bucket).versioning });

export const putBucketVersioning: BucketHandler = async (request, { store }) => {
  store.bucket(request.bucket);
  const document = await readDocument(request.body());
  const status = parseXml(document, 'VersioningConfiguration').text('Status');
  if (status !== 'Enabled' && status !== 'Suspended') throw new S3Error('MalformedXML');
  store.setVersioning(request.bucket, status);
  return emptyReply(200);
};

/** "Bucket naming rules" of the Amazon S3 user guide: 3 to 63 of a-z, 0-9, `.` and `-`, not an IP address. */
export function isBucketName(name: string): boolean {
  return (
    /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) &&
    !name.includes('..') &&
    !/^\d+\.\d+\.\d+\.\d+$/.test(name)
  );
}
