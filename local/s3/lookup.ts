import { S3Error } from './errors.ts';
import { type Bucket, currentVersion, type ObjectVersion, type Version } from './model.ts';

/**
 * The version that a read names.
 * @param versionId undefined for the current one
 * @throws S3Error NoSuchKey, NoSuchVersion, or MethodNotAllowed where the id is a delete marker's
 */
export function findObject(
  bucket: Bucket,
  key: string,
  versionId: string | undefined,
): ObjectVersion {
  const version =
    versionId === undefined ? currentVersion(bucket, key) : versionOf(bucket, key, versionId);
  if (version === undefined) throw new S3Error('NoSuchKey', { details: { Key: key } });
  if (!version.deleteMarker) return version;
  const headers = { 'x-amz-delete-marker': 'true', 'x-amz-version-id': version.versionId };
  if (versionId === undefined) throw new S3Error('NoSuchKey', { details: { Key: key }, headers });
  throw new S3Error('MethodNotAllowed', {
    details: { Method: 'GET', ResourceType: 'DeleteMarker' },
    headers: { ...headers, allow: 'DELETE' },
  });
}

function versionOf(bucket: Bucket, key: string, versionId: string): Version {
  const version = bucket.objects.get(key)?.find((each) => each.versionId === versionId);
  if (version === undefined) {
    throw new S3Error('NoSuchVersion', { details: { Key: key, VersionId: versionId } });
  }
  return version;
}

/** The `versionId` parameter of a query. */
export function versionIdOf(query: URLSearchParams): string | undefined {
  return query.get('versionId') ?? undefined;
}
