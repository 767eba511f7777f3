import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { resourceOf, resourcesOf, synthesise } from './support.ts';

const { template } = synthesise();

describe('queues', () => {
  it('give up when told to, and tell the worker when that is', () => {
    const { template: eager } = synthesise({ maxReceiveCount: 3 });
    eager.hasResourceProperties('AWS::SQS::Queue', {
      RedrivePolicy: Match.objectLike({ maxReceiveCount: 3 }),
    });
    const { Properties } = resourceOf(eager, 'AWS::Lambda::Function', 'InferenceTransformFunction');
    expect(Properties).toMatchObject({
      Environment: { Variables: { PILOTLIGHT_SHARD_MAX_RECEIVE_COUNT: '3' } },
    });
  });

  it('give a message up after five tries, keep it for two weeks, and hide it for six timeouts', () => {
    const queues = Object.entries(resourcesOf(template, 'AWS::SQS::Queue'));
    expect(queues).toHaveLength(4);
    for (const [, queue] of queues) {
      expect(queue.Properties).toMatchObject({
        SqsManagedSseEnabled: true,
        MessageRetentionPeriod: 1_209_600,
        VisibilityTimeout: 1800,
      });
    }
    for (const name of ['InferencePlanQueue', 'InferenceShardQueue']) {
      const [work] = queues.filter(
        ([id, { Properties }]) => id.startsWith(name) && Properties['RedrivePolicy'] !== undefined,
      );
      expect(work?.[1].Properties['RedrivePolicy']).toMatchObject({ maxReceiveCount: 5 });
    }
  });

  it('feed the functions one message at a time with partial failures, and dead letters only when told to', () => {
    const mappings = Object.values(resourcesOf(template, 'AWS::Lambda::EventSourceMapping')).map(
      ({ Properties }) => Properties,
    );
    expect(mappings).toHaveLength(4);
    for (const mapping of mappings) {
      expect(mapping).toMatchObject({
        BatchSize: 1,
        FunctionResponseTypes: ['ReportBatchItemFailures'],
      });
    }
    const off = mappings.filter((mapping) => mapping['Enabled'] === false);
    expect(off).toHaveLength(2);
    for (const mapping of off) {
      expect(JSON.stringify(mapping['EventSourceArn'])).toContain('DeadLetters');
    }
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      FunctionName: { Ref: Match.stringLikeRegexp('TransformFunction') },
      ScalingConfig: { MaximumConcurrency: 100 },
    });
  });

  it('keep pollers ready when asked to', () => {
    const { template: provisioned } = synthesise({ transformPollers: { minimum: 2, maximum: 50 } });
    provisioned.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      ProvisionedPollerConfig: { MinimumPollers: 2, MaximumPollers: 50 },
      ScalingConfig: Match.absent(),
    });
  });

  it('hear of uploads under in/ and of nothing else', () => {
    template.hasResourceProperties('Custom::S3BucketNotifications', {
      BucketName: { Ref: Match.stringLikeRegexp('InferenceJobs') },
      NotificationConfiguration: {
        QueueConfigurations: [
          {
            Events: ['s3:ObjectCreated:*'],
            Filter: { Key: { FilterRules: [{ Name: 'prefix', Value: 'in/' }] } },
            QueueArn: { 'Fn::GetAtt': [Match.stringLikeRegexp('InferencePlanQueue'), 'Arn'] },
          },
        ],
      },
    });
  });
});
