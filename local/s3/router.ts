import type { BucketHandler, ObjectHandler, S3Context, ServiceHandler } from './context.ts';
import { S3Error, type S3ErrorCode } from './errors.ts';
import * as buckets from './operations/buckets.ts';
import { completeMultipartUpload } from './operations/complete-upload.ts';
import { copyObject, uploadPartCopy } from './operations/copy-object.ts';
import { deleteObject, deleteObjects } from './operations/delete-object.ts';
import { getObject } from './operations/get-object.ts';
import { listObjects, listObjectsV2 } from './operations/list-objects.ts';
import { listMultipartUploads } from './operations/list-uploads.ts';
import { listObjectVersions } from './operations/list-versions.ts';
import { getObjectAttributes } from './operations/object-attributes.ts';
import { putObject } from './operations/put-object.ts';
import * as tagging from './operations/tagging.ts';
import * as uploads from './operations/uploads.ts';
import type { Reply } from './reply.ts';
import type { BucketRequest, ObjectRequest, S3Request } from './request.ts';

/** How requests become operations of the API. The first route that fits a request is the one. */
interface Route<H> {
  readonly operation: string;
  readonly method: string;
  /** A query parameter that names the operation; routes without it take requests that name none. */
  readonly query?: string;
  /** A header that must be there. */
  readonly header?: string;
  readonly handle: H;
}

const copySource = 'x-amz-copy-source';

const serviceRoutes: readonly Route<ServiceHandler>[] = [
  { operation: 'ListBuckets', method: 'GET', handle: buckets.listBuckets },
];

// biome-ignore format: one route a line
const bucketRoutes: readonly Route<BucketHandler>[] = [
  { operation: 'GetBucketLocation', method: 'GET', query: 'location', handle: buckets.getBucketLocation },
  { operation: 'GetBucketVersioning', method: 'GET', query: 'versioning', handle: buckets.getBucketVersioning },
  { operation: 'PutBucketVersioning', method: 'PUT', query: 'versioning', handle: buckets.putBucketVersioning },
  { operation: 'ListObjectVersions', method: 'GET', query: 'versions', handle: listObjectVersions },
  { operation: 'ListMultipartUploads', method: 'GET', query: 'uploads', handle: listMultipartUploads },
  { operation: 'ListObjectsV2', method: 'GET', query: 'list-type', handle: listObjectsV2 },
  { operation: 'DeleteObjects', method: 'POST', query: 'delete', handle: deleteObjects },
  { operation: 'ListObjects', method: 'GET', handle: listObjects },
  { operation: 'HeadBucket', method: 'HEAD', handle: buckets.headBucket },
  { operation: 'CreateBucket', method: 'PUT', handle: buckets.createBucket },
  { operation: 'DeleteBucket', method: 'DELETE', handle: buckets.deleteBucket },
];

// biome-ignore format: one route a line
const objectRoutes: readonly Route<ObjectHandler>[] = [
  { operation: 'GetObjectAttributes', method: 'GET', query: 'attributes', handle: getObjectAttributes },
  { operation: 'GetObjectTagging', method: 'GET', query: 'tagging', handle: tagging.getObjectTagging },
  { operation: 'PutObjectTagging', method: 'PUT', query: 'tagging', handle: tagging.putObjectTagging },
  { operation: 'DeleteObjectTagging', method: 'DELETE', query: 'tagging', handle: tagging.deleteObjectTagging },
  { operation: 'CreateMultipartUpload', method: 'POST', query: 'uploads', handle: uploads.createMultipartUpload },
  { operation: 'UploadPartCopy', method: 'PUT', query: 'uploadId', header: copySource, handle: uploadPartCopy },
  { operation: 'UploadPart', method: 'PUT', query: 'uploadId', handle: uploads.uploadPart },
  { operation: 'ListParts', method: 'GET', query: 'uploadId', handle: uploads.listParts },
  { operation: 'AbortMultipartUpload', method: 'DELETE', query: 'uploadId', handle: uploads.abortMultipartUpload },
  { operation: 'CompleteMultipartUpload', method: 'POST', query: 'uploadId', handle: completeMultipartUpload },
  { operation: 'CopyObject', method: 'PUT', header: copySource, handle: copyObject },
  { operation: 'PutObject', method: 'PUT', handle: putObject },
  { operation: 'GetObject', method: 'GET', handle: getObject },
  { operation: 'HeadObject', method: 'HEAD', handle: getObject },
  { operation: 'DeleteObject', method: 'DELETE', handle: deleteObject },
];

/** Query parameters that name an operation (S3 calls them subresources). A PUT with `?acl` is no PutObject. */
const subresources = new Set(
  'accelerate acl analytics attributes cors delete encryption intelligent-tiering inventory legal-hold lifecycle location logging metrics metadataTable metadataConfiguration notification object-lock ownershipControls policy policyStatus publicAccessBlock renameObject replication requestPayment restore retention select session tagging torrent uploadId uploads versioning versions website list-type'.split(
    ' ',
  ),
);

/** What a bucket without a configuration answers to the question for it. */
const absentConfigurations: Readonly<Record<string, S3ErrorCode>> = {
  cors: 'NoSuchCORSConfiguration',
  lifecycle: 'NoSuchLifecycleConfiguration',
  policy: 'NoSuchBucketPolicy',
  tagging: 'NoSuchTagSet',
};

/** An operation found for a request, to be run or not. */
export interface Match {
  /** Name of the API operation. */
  readonly operation: string;
  readonly run: (context: S3Context) => Reply | Promise<Reply>;
}

/** @throws S3Error NotImplemented or MethodNotAllowed where there is no such operation */
export function route(request: S3Request): Match {
  if (isObjectRequest(request)) return match(request, objectRoutes);
  if (isBucketRequest(request)) return match(request, bucketRoutes);
  return match(request, serviceRoutes);
}

function match<R extends S3Request>(
  request: R,
  routes: readonly Route<(request: R, context: S3Context) => Reply | Promise<Reply>>[],
): Match {
  const { method, query } = request;
  const subresource = [...query.keys()].find((name) => subresources.has(name));
  const found = routes.find(
    (each) =>
      each.method === method &&
      (each.query === undefined ? subresource === undefined : query.has(each.query)) &&
      (each.header === undefined || request.header(each.header) !== undefined),
  );
  if (found === undefined) throw noSuchOperation(request, subresource);
  return { operation: found.operation, run: (context) => found.handle(request, context) };
}

function noSuchOperation(request: S3Request, subresource: string | undefined): S3Error {
  const { method, bucket } = request;
  const absent = subresource === undefined ? undefined : absentConfigurations[subresource];
  if (method === 'GET' && absent !== undefined && bucket !== undefined) {
    return new S3Error(absent, { details: { BucketName: bucket } });
  }
  if (subresource !== undefined) {
    return new S3Error('NotImplemented', { details: { Method: method, Query: subresource } });
  }
  return new S3Error('MethodNotAllowed', { details: { Method: method } });
}

function isBucketRequest(request: S3Request): request is BucketRequest {
  return request.bucket !== undefined;
}

function isObjectRequest(request: S3Request): request is ObjectRequest {
  return request.bucket !== undefined && request.key !== undefined;
}
