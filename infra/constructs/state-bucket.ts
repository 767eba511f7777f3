import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  type IBucket,
  type LifecycleRule,
  ObjectOwnership,
} from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';

export interface StateBucketProps {
  /** Key of the objects. @default S3's own managed key */
  readonly encryptionKey?: IKey | undefined;
  /** Bucket for the log of accesses. @default none */
  readonly accessLogsBucket?: IBucket | undefined;
  /** Whether overwritten and deleted objects stay for a month. @default false */
  readonly versioned?: boolean | undefined;
  /** What is removed when. @default nothing but the remains of broken uploads */
  readonly lifecycleRules?: readonly LifecycleRule[] | undefined;
}

const remainsOfUploads: LifecycleRule = {
  id: 'remains-of-broken-uploads',
  abortIncompleteMultipartUploadAfter: Duration.days(7),
};

const overwrittenVersions: LifecycleRule = {
  id: 'overwritten-versions',
  noncurrentVersionExpiration: Duration.days(30),
};

/** A bucket as a reviewer wants it: encrypted, TLS only, closed to the public, kept when the stack goes. */
export class StateBucket extends Bucket {
  constructor(scope: Construct, id: string, props: StateBucketProps = {}) {
    super(scope, id, {
      ...(props.encryptionKey === undefined
        ? { encryption: BucketEncryption.S3_MANAGED }
        : {
            encryption: BucketEncryption.KMS,
            encryptionKey: props.encryptionKey,
            bucketKeyEnabled: true,
          }),
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      versioned: props.versioned ?? false,
      lifecycleRules: [
        remainsOfUploads,
        ...(props.versioned === true ? [overwrittenVersions] : []),
        ...(props.lifecycleRules ?? []),
      ],
      ...(props.accessLogsBucket === undefined
        ? {}
        : {
            serverAccessLogsBucket: props.accessLogsBucket,
            serverAccessLogsPrefix: `${id.toLowerCase()}/`,
          }),
      removalPolicy: RemovalPolicy.RETAIN,
    });
  }

  /** Never one. CDK says `boolean | undefined`, which exact optional properties do not take for an `IBucket`. */
  override get isWebsite(): boolean {
    return false;
  }
}
