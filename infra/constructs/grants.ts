import { type IGrantable, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IBucket } from 'aws-cdk-lib/aws-s3';

/**
 * Grants on buckets, verb by verb. The buckets' own `grantRead` and its kin allow `s3:GetObject*`,
 * `s3:List*` and more; these allow what is called.
 */
function allow(
  grantee: IGrantable,
  actions: readonly string[],
  resources: readonly string[],
): void {
  grantee.grantPrincipal.addToPrincipalPolicy(
    new PolicyStatement({ actions: [...actions], resources: [...resources] }),
  );
}

/** Read objects under a prefix, and see that others are missing: without ListBucket, S3 says 403 and not 404. */
export function grantReadObjects(grantee: IGrantable, bucket: IBucket, prefix = ''): void {
  allow(grantee, ['s3:GetObject'], [bucket.arnForObjects(`${prefix}*`)]);
  allow(grantee, ['s3:ListBucket'], [bucket.bucketArn]);
  bucket.encryptionKey?.grantDecrypt(grantee);
}

/** Write objects under a prefix, in one part or many. */
export function grantWriteObjects(grantee: IGrantable, bucket: IBucket, prefix = ''): void {
  allow(grantee, ['s3:PutObject', 's3:AbortMultipartUpload'], [bucket.arnForObjects(`${prefix}*`)]);
  // S3 decrypts too: each further part of a multipart upload is checked against the first.
  bucket.encryptionKey?.grantEncryptDecrypt(grantee);
}
