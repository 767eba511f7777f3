import type { DiskWatch } from '../disk-trouble.ts';
import type { Bucket, ObjectVersion } from './model.ts';
import type { Reply } from './reply.ts';
import type { BucketRequest, ObjectRequest, S3Request } from './request.ts';
import type { Store } from './store.ts';

/** What every operation may use. */
export interface S3Context {
  readonly store: Store;
  readonly region: string;
  /** Puts failures of the disk into words. */
  readonly disk: DiskWatch;
}

type Handler<R extends S3Request> = (request: R, context: S3Context) => Reply | Promise<Reply>;

export type ServiceHandler = Handler<S3Request>;
export type BucketHandler = Handler<BucketRequest>;
export type ObjectHandler = Handler<ObjectRequest>;

/** `x-amz-version-id`, where the bucket has or had versioning. */
export function versionHeader(
  bucket: Bucket,
  version: Pick<ObjectVersion, 'versionId'>,
): Record<string, string> {
  return bucket.versioning === undefined ? {} : { 'x-amz-version-id': version.versionId };
}
