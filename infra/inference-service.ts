import { Duration } from 'aws-cdk-lib';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { EventType } from 'aws-cdk-lib/aws-s3';
import { SqsDestination } from 'aws-cdk-lib/aws-s3-notifications';
import { Construct } from 'constructs';
import { environmentVariables } from '../src/contract/environment.ts';
import { jobsInputPrefix, jobsResultPrefix } from '../src/contract/keys.ts';
import { visibilityTimeoutFactor } from '../src/contract/limits.ts';
import { Endpoint } from './constructs/endpoint.ts';
import { grantReadObjects, grantWriteObjects } from './constructs/grants.ts';
import { InferenceFunction } from './constructs/inference-function.ts';
import { StateBucket } from './constructs/state-bucket.ts';
import { WorkQueue } from './constructs/work-queue.ts';

const apiTimeout = Duration.seconds(29);
const workTimeout = Duration.seconds(300);
const oneVirtualCpuMiB = 1769;

/**
 * Models in a bucket, served over HTTPS and applied to uploads:
 *
 *     HTTPS ──> Endpoint ──> Api ──> Models
 *     upload ─> Jobs ─> PlanQueue ─> Plan ─> ShardQueue ─> Transform ─> Results
 */
export class InferenceService extends Construct {
  readonly models: StateBucket;
  readonly jobs: StateBucket;
  readonly results: StateBucket;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.models = new StateBucket(this, 'Models', { versioned: true });
    this.jobs = new StateBucket(this, 'Jobs');
    this.results = new StateBucket(this, 'Results');

    const visibilityTimeout = Duration.seconds(visibilityTimeoutFactor * workTimeout.toSeconds());
    const planQueue = new WorkQueue(this, 'PlanQueue', { visibilityTimeout });
    const shardQueue = new WorkQueue(this, 'ShardQueue', { visibilityTimeout });

    const environment = {
      [environmentVariables.modelsBucket]: this.models.bucketName,
      [environmentVariables.jobsBucket]: this.jobs.bucketName,
      [environmentVariables.resultsBucket]: this.results.bucketName,
      [environmentVariables.planQueueUrl]: planQueue.queueUrl,
      [environmentVariables.shardQueueUrl]: shardQueue.queueUrl,
    };
    const api = new InferenceFunction(this, 'Api', {
      command: 'api',
      description: 'Answers inference requests',
      timeout: apiTimeout,
      memorySizeMiB: oneVirtualCpuMiB,
      environment,
    });
    const plan = new InferenceFunction(this, 'Plan', {
      command: 'plan',
      description: 'Splits uploads into shards',
      timeout: workTimeout,
      memorySizeMiB: oneVirtualCpuMiB,
      environment,
    });
    const transform = new InferenceFunction(this, 'Transform', {
      command: 'transform',
      description: 'Turns shards into predictions',
      timeout: workTimeout,
      memorySizeMiB: oneVirtualCpuMiB,
      environment,
    });

    grantReadObjects(api.role, this.models);
    grantWriteObjects(api.role, this.jobs, jobsInputPrefix);
    grantReadObjects(api.role, this.results, jobsResultPrefix);
    grantWriteObjects(api.role, this.results, jobsResultPrefix);

    grantReadObjects(plan.role, this.models);
    grantReadObjects(plan.role, this.jobs, jobsInputPrefix);
    grantReadObjects(plan.role, this.results, jobsResultPrefix);
    grantWriteObjects(plan.role, this.results, jobsResultPrefix);
    planQueue.grantSendMessages(plan.role);
    shardQueue.grantSendMessages(plan.role);

    grantReadObjects(transform.role, this.models);
    grantReadObjects(transform.role, this.jobs, jobsInputPrefix);
    grantReadObjects(transform.role, this.results, jobsResultPrefix);
    grantWriteObjects(transform.role, this.results, jobsResultPrefix);
    shardQueue.grantSendMessages(transform.role);

    // One message an invocation: a shard uses all the time that it is given.
    const work = { batchSize: 1, reportBatchItemFailures: true };
    plan.function.addEventSource(new SqsEventSource(planQueue, work));
    transform.function.addEventSource(new SqsEventSource(shardQueue, work));

    this.jobs.addEventNotification(EventType.OBJECT_CREATED, new SqsDestination(planQueue), {
      prefix: jobsInputPrefix,
    });

    new Endpoint(this, 'Endpoint', { handler: api.function });
  }
}
