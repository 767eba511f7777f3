import { Stack } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  type BucketNotificationDestinationConfig,
  BucketNotificationDestinationType,
  type IBucket,
  type IBucketNotificationDestination,
} from 'aws-cdk-lib/aws-s3';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';

/**
 * A queue that hears of uploads. CDK's own `SqsDestination` names the bucket in the policy of the queue's key; when
 * the bucket has the same key, the two wait for each other and the stack cannot be deployed. Here the key knows
 * the account, and the queue's policy the bucket.
 */
export class UploadDestination implements IBucketNotificationDestination {
  readonly #queue: Queue;

  constructor(queue: Queue) {
    this.#queue = queue;
  }

  bind(_scope: Construct, bucket: IBucket): BucketNotificationDestinationConfig {
    const queue = this.#queue;
    const s3 = new ServicePrincipal('s3.amazonaws.com');
    const ownAccount = { StringEquals: { 'aws:SourceAccount': Stack.of(queue).account } };
    const policy = queue.addToResourcePolicy(
      new PolicyStatement({
        principals: [s3],
        actions: ['sqs:SendMessage'],
        resources: [queue.queueArn],
        conditions: { ...ownAccount, ArnLike: { 'aws:SourceArn': bucket.bucketArn } },
      }),
    );
    queue.encryptionMasterKey?.addToResourcePolicy(
      new PolicyStatement({
        principals: [s3],
        actions: ['kms:GenerateDataKey', 'kms:Decrypt'],
        resources: ['*'],
        conditions: ownAccount,
      }),
    );
    return {
      arn: queue.queueArn,
      type: BucketNotificationDestinationType.QUEUE,
      // S3 tries the queue when it is told of it, so the permission comes first.
      dependencies: policy.policyDependable === undefined ? [] : [policy.policyDependable],
    };
  }
}
