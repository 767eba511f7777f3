import { Duration } from 'aws-cdk-lib';
import { type IBucket, type LifecycleRule, StorageClass } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { jobsWorkPrefix } from '../src/contract/job-keys.ts';
import { jobsResultPrefix } from '../src/contract/keys.ts';
import { StateBucket } from './constructs/state-bucket.ts';
import type { InferenceServiceProps } from './inference-service-props.ts';
import { as } from './optional.ts';

/** The three buckets of a service. */
export interface ServiceState {
  readonly models: IBucket;
  readonly jobs: IBucket;
  readonly results: IBucket;
}

/** The buckets that the props bring, and new ones, children of `scope`, for the others. */
export function createState(scope: Construct, props: InferenceServiceProps): ServiceState {
  const create = (id: string, lifecycleRules: LifecycleRule[], versioned = false) =>
    as<IBucket>(
      new StateBucket(scope, id, {
        encryptionKey: props.encryptionKey,
        accessLogsBucket: accessLogs(scope, props),
        lifecycleRules,
        versioned,
      }),
    );
  return {
    // Versioned: a model that was overwritten or deleted by mistake comes back.
    models: props.modelsBucket ?? create('Models', [], true),
    jobs: props.jobsBucket ?? create('Jobs', uploadRules(props)),
    results: props.resultsBucket ?? create('Results', resultRules(props)),
  };
}

/** S3 delivers access logs to a bucket with its own managed key only, so this one never gets another. */
function accessLogs(scope: Construct, { accessLogsBucket }: InferenceServiceProps): IBucket {
  if (accessLogsBucket !== undefined) return accessLogsBucket;
  const found = scope.node.tryFindChild('AccessLogs');
  if (found instanceof StateBucket) return as<IBucket>(found);
  const lifecycleRules = [{ id: 'access-logs', expiration: Duration.days(90) }];
  return as<IBucket>(new StateBucket(scope, 'AccessLogs', { lifecycleRules }));
}

function uploadRules({ uploadsExpiry }: InferenceServiceProps): LifecycleRule[] {
  return [{ id: 'uploads', expiration: uploadsExpiry ?? Duration.days(30) }];
}

function resultRules({ resultsExpiry }: InferenceServiceProps): LifecycleRule[] {
  const working = { id: 'working-state', prefix: jobsWorkPrefix, expiration: Duration.days(30) };
  if (resultsExpiry !== undefined) {
    return [working, { id: 'results', prefix: jobsResultPrefix, expiration: resultsExpiry }];
  }
  const cheaper = {
    storageClass: StorageClass.INTELLIGENT_TIERING,
    transitionAfter: Duration.days(30),
  };
  return [working, { id: 'results', prefix: jobsResultPrefix, transitions: [cheaper] }];
}
