import { parseAttributes } from '../attributes.ts';
import { RequestBody } from '../body.ts';
import { parseWriteConditions } from '../conditions.ts';
import { type ObjectHandler, versionHeader } from '../context.ts';
import { S3Error } from '../errors.ts';
import { emptyReply } from '../reply.ts';
import type { S3Request } from '../request.ts';
import { checksumHeadersOf } from './get-object.ts';

/** The most that one PUT may carry. */
const putLimitBytes = 5 * 1024 ** 3;

export const putObject: ObjectHandler = async (request, { store }) => {
  const { bucket, key } = request;
  store.bucket(bucket);
  refuseTooLarge(request);
  const attributes = parseAttributes(request);
  const body = new RequestBody(request);
  const conditions = parseWriteConditions(request);
  const version = await store.underConditions(bucket, key, conditions, (check) =>
    store.blobs.write(body.bytes(), (blobs) => {
      const { md5, sizeBytes, checksum } = body.digests;
      const draft = { etag: md5, sizeBytes, blobs, attributes, checksum };
      return store.putObject(bucket, key, draft, 'ObjectCreated:Put', check);
    }),
  );
  return emptyReply(200, {
    etag: `"${version.etag}"`,
    ...checksumHeadersOf(version.checksum),
    ...versionHeader(store.bucket(bucket), version),
  });
};

/** @throws S3Error EntityTooLarge when the request announces more than one PUT may carry */
export function refuseTooLarge(request: S3Request): void {
  const announced = Number(
    request.header('x-amz-decoded-content-length') ?? request.header('content-length') ?? 0,
  );
  if (announced > putLimitBytes) {
    throw new S3Error('EntityTooLarge', {
      details: { ProposedSize: announced, MaxSizeAllowed: putLimitBytes },
    });
  }
}
