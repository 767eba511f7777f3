import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  CfnBucket,
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
      removalPolicy: RemovalPolicy.RETAIN,
    });
    if (props.accessLogsBucket !== undefined) this.#logAccesses(id, props.accessLogsBucket);
  }

  /**
   * What the L2 does for `serverAccessLogsBucket` depends on a feature flag of the app: without it, it opens the
   * other bucket to ACLs, which this one forbids.
   */
  #logAccesses(id: string, target: IBucket): void {
    const prefix = `${id.toLowerCase()}/`;
    const resource = this.node.defaultChild;
    if (CfnBucket.isCfnBucket(resource)) {
      resource.loggingConfiguration = {
        destinationBucketName: target.bucketName,
        logFilePrefix: prefix,
      };
    }
    target.addToResourcePolicy(
      new PolicyStatement({
        principals: [new ServicePrincipal('logging.s3.amazonaws.com')],
        actions: ['s3:PutObject'],
        resources: [target.arnForObjects(`${prefix}*`)],
        conditions: {
          // A bucket of another stack, which this one knows, must not know this one: there the account has to do.
          ...(Stack.of(target) === Stack.of(this) && {
            ArnLike: { 'aws:SourceArn': this.bucketArn },
          }),
          StringEquals: { 'aws:SourceAccount': Stack.of(this).account },
        },
      }),
    );
  }
}
