import { Stack } from 'aws-cdk-lib';
import { SqsEventSource, type SqsEventSourceProps } from 'aws-cdk-lib/aws-lambda-event-sources';
import { Bucket, EventType, type IBucket } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { jobsInputPrefix } from '../src/contract/keys.ts';
import { acknowledge, acknowledgeManagedPolicy } from './acknowledge.ts';
import type { InferenceFunction } from './constructs/inference-function.ts';
import { UploadDestination } from './constructs/upload-destination.ts';
import type { WorkQueue } from './constructs/work-queue.ts';
import type { InferenceServiceProps } from './inference-service-props.ts';

export interface TriggerParts {
  readonly jobs: IBucket;
  readonly planQueue: WorkQueue;
  readonly shardQueue: WorkQueue;
  readonly plan: InferenceFunction;
  readonly transform: InferenceFunction;
  readonly props: InferenceServiceProps;
}

/** Shards that are worked on at a time: a large job then leaves most of an account's 1,000 to the endpoint. */
const defaultMaxConcurrency = 100;

/** What sets what in motion: uploads the plan, its shards the transform, and an operator the dead letters. */
export function connectTriggers(parts: TriggerParts): void {
  const { jobs, planQueue, shardQueue, plan, transform, props } = parts;
  watched(jobs, planQueue).addEventNotification(
    EventType.OBJECT_CREATED,
    new UploadDestination(planQueue),
    {
      prefix: jobsInputPrefix,
    },
  );
  acknowledgeNotificationsHandler(plan);
  feed(plan, planQueue, {});
  feed(transform, shardQueue, transformScaling(props));
}

/**
 * A bucket of another stack must not know the queue, for the queue's stack knows the bucket: its notifications are then
 * set from here, as for a bucket that no stack of this app has.
 */
function watched(jobs: IBucket, planQueue: WorkQueue): IBucket {
  if (Stack.of(jobs) === Stack.of(planQueue)) return jobs;
  return Bucket.fromBucketArn(planQueue, 'Uploads', jobs.bucketArn);
}

/** Messages reach the worker one at a time: each uses all the time that it is given. */
function feed(worker: InferenceFunction, queue: WorkQueue, scaling: Scaling): void {
  const each = { batchSize: 1, reportBatchItemFailures: true };
  worker.function.addEventSource(new SqsEventSource(queue, { ...each, ...scaling }));
  // Off until somebody has mended the cause and wants the messages tried again: docs/runbook.md.
  worker.function.addEventSource(
    new SqsEventSource(queue.deadLetters, { ...each, enabled: false }),
  );
  acknowledge(
    worker,
    'Serverless::Serverless-LambdaEventSourceMappingDestination',
    'destinations are for streams: a queue has its dead-letter queue',
  );
}

/** CDK sets notifications by a function of its own, one in a stack. */
function acknowledgeNotificationsHandler(scope: Construct): void {
  const handler = Stack.of(scope).node.children.find(({ node }) =>
    node.id.startsWith('BucketNotificationsHandler'),
  );
  if (handler === undefined) return;
  acknowledgeManagedPolicy(
    handler,
    'service-role/AWSLambdaBasicExecutionRole',
    'of CDK itself: lets the function write its log',
  );
}

type Scaling = Pick<SqsEventSourceProps, 'maxConcurrency' | 'provisionedPollerConfig'>;

function transformScaling(props: InferenceServiceProps): Scaling {
  if (props.transformPollers === undefined) {
    return { maxConcurrency: props.transformMaxConcurrency ?? defaultMaxConcurrency };
  }
  const { minimum, maximum } = props.transformPollers;
  return { provisionedPollerConfig: { minimumPollers: minimum, maximumPollers: maximum } };
}
