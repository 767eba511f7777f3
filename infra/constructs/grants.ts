import type { IEventBus } from 'aws-cdk-lib/aws-events';
import { type IGrantable, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { claimFileName } from '../../src/contract/keys.ts';
import { acknowledgeWildcard } from '../acknowledge.ts';

/*
 * Grants, verb by verb and prefix by prefix. The buckets' own `grantRead` and its kin allow `s3:GetObject*`,
 * `s3:List*` and more; these allow what is called.
 */

/** Read objects under a prefix, and see that others are missing: without ListBucket, S3 says 403 and not 404. */
export function grantReadObjects(grantee: IGrantable, bucket: IBucket, prefix = ''): void {
  allowOnObjects(grantee, bucket, `${prefix}*`, ['s3:GetObject']);
  allow(grantee, ['s3:ListBucket'], [bucket.bucketArn]);
  bucket.encryptionKey?.grantDecrypt(grantee);
}

/**
 * The same for a bucket that may keep versions: jobs read the version of an object that they began with, and S3 has a
 * permission of its own for that.
 */
export function grantReadVersions(grantee: IGrantable, bucket: IBucket, prefix = ''): void {
  grantReadObjects(grantee, bucket, prefix);
  allowOnObjects(grantee, bucket, `${prefix}*`, ['s3:GetObjectVersion']);
}

/** Write objects under a prefix, in one part or many. */
export function grantWriteObjects(grantee: IGrantable, bucket: IBucket, prefix = ''): void {
  allowOnObjects(grantee, bucket, `${prefix}*`, ['s3:PutObject', 's3:AbortMultipartUpload']);
  // S3 decrypts too: each further part of a multipart upload is checked against the first.
  bucket.encryptionKey?.grantEncryptDecrypt(grantee);
}

/** Give up the claims on versions under a prefix, once they are published. */
export function grantReleaseClaims(grantee: IGrantable, bucket: IBucket, prefix: string): void {
  allowOnObjects(grantee, bucket, `${prefix}*/${claimFileName}`, ['s3:DeleteObject']);
}

/** Announce on a bus. */
export function grantPutEvents(grantee: IGrantable, bus: IEventBus): void {
  allow(grantee, ['events:PutEvents'], [bus.eventBusArn]);
}

/** Call the endpoint by signed requests. @param arns of the paths, as the endpoint gives them */
export function grantExecute(grantee: IGrantable, arns: readonly string[]): void {
  allow(grantee, ['execute-api:Invoke'], arns);
}

function allowOnObjects(
  grantee: IGrantable,
  bucket: IBucket,
  keys: string,
  actions: readonly string[],
): void {
  const objects = bucket.arnForObjects(keys);
  allow(grantee, actions, [objects]);
  if (Construct.isConstruct(grantee)) {
    acknowledgeWildcard(grantee, objects, 'objects come and go: a prefix is as narrow as it gets');
  }
}

function allow(
  grantee: IGrantable,
  actions: readonly string[],
  resources: readonly string[],
): void {
  grantee.grantPrincipal.addToPrincipalPolicy(
    new PolicyStatement({ actions: [...actions], resources: [...resources] }),
  );
}
