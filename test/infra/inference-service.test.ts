import { App, Duration, Size, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { type IVpc, Vpc } from 'aws-cdk-lib/aws-ec2';
import { EventBus, type IEventBus } from 'aws-cdk-lib/aws-events';
import { type IKey, Key } from 'aws-cdk-lib/aws-kms';
import { Architecture } from 'aws-cdk-lib/aws-lambda';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Bucket, type IBucket } from 'aws-cdk-lib/aws-s3';
import { describe, expect, it } from 'vitest';
import cdkJson from '../../cdk.json' with { type: 'json' };
import { InferenceService } from '../../infra/inference-service.ts';
import { as } from '../../infra/optional.ts';
import { PilotlightStack } from '../../infra/pilotlight-stack.ts';
import { resourceOf, resourcesOf, synthesise } from './support.ts';

const { template } = synthesise();

describe('state', () => {
  it('keeps every bucket when the stack goes, encrypted, closed to the public and over TLS only', () => {
    const buckets = resourcesOf(template, 'AWS::S3::Bucket');
    expect(Object.keys(buckets).map((id) => id.replace(/[0-9A-F]{8}$/, ''))).toEqual([
      'InferenceAccessLogs',
      'InferenceModels',
      'InferenceJobs',
      'InferenceResults',
    ]);
    for (const [id, bucket] of Object.entries(buckets)) {
      expect(bucket.DeletionPolicy).toBe('Retain');
      expect(bucket.UpdateReplacePolicy).toBe('Retain');
      expect(bucket.Properties).toMatchObject({
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: true,
          BlockPublicPolicy: true,
          IgnorePublicAcls: true,
          RestrictPublicBuckets: true,
        },
        BucketEncryption: {
          ServerSideEncryptionConfiguration: [
            { ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } },
          ],
        },
      });
      template.hasResourceProperties('AWS::S3::BucketPolicy', {
        Bucket: { Ref: id },
        PolicyDocument: {
          Statement: Match.arrayWith([
            Match.objectLike({
              Effect: 'Deny',
              Action: 's3:*',
              Principal: { AWS: '*' },
              Condition: { Bool: { 'aws:SecureTransport': 'false' } },
            }),
          ]),
        },
      });
    }
  });

  it('versions the models, forgets uploads after 30 days, and never forgets predictions', () => {
    expect(resourceOf(template, 'AWS::S3::Bucket', 'InferenceModels').Properties).toMatchObject({
      VersioningConfiguration: { Status: 'Enabled' },
    });
    template.hasResourceProperties('AWS::S3::Bucket', {
      LifecycleConfiguration: {
        Rules: Match.arrayWith([
          Match.objectLike({ Id: 'uploads', ExpirationInDays: 30, Status: 'Enabled' }),
        ]),
      },
    });
    const { LifecycleConfiguration } = resourceOf(
      template,
      'AWS::S3::Bucket',
      'InferenceResults',
    ).Properties;
    expect(LifecycleConfiguration).toMatchObject({
      Rules: [
        { AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 } },
        { Prefix: 'jobs/.work/', ExpirationInDays: 30 },
        {
          Prefix: 'jobs/',
          Transitions: [{ StorageClass: 'INTELLIGENT_TIERING', TransitionInDays: 30 }],
        },
      ],
    });
  });

  it('forgets predictions when told to', () => {
    const { template: short } = synthesise({
      uploadsExpiry: Duration.days(2),
      resultsExpiry: Duration.days(90),
    });
    const rulesOf = (prefix: string) =>
      resourceOf(short, 'AWS::S3::Bucket', prefix).Properties['LifecycleConfiguration'];
    expect(rulesOf('InferenceJobs')).toMatchObject({
      Rules: [{}, { Id: 'uploads', ExpirationInDays: 2 }],
    });
    expect(rulesOf('InferenceResults')).toMatchObject({
      Rules: [{}, {}, { Prefix: 'jobs/', ExpirationInDays: 90 }],
    });
  });

  it('encrypts buckets and queues with a key that is passed in, and lets the functions use it', () => {
    const { template: encrypted } = synthesise((stack) => ({
      encryptionKey: new Key(stack, 'Key'),
    }));
    const [keyId] = Object.keys(resourcesOf(encrypted, 'AWS::KMS::Key'));
    for (const queue of Object.values(resourcesOf(encrypted, 'AWS::SQS::Queue'))) {
      expect(queue.Properties['KmsMasterKeyId']).toEqual({ 'Fn::GetAtt': [keyId, 'Arn'] });
    }
    const models = resourceOf(encrypted, 'AWS::S3::Bucket', 'InferenceModels');
    expect(JSON.stringify(models.Properties['BucketEncryption'])).toContain('aws:kms');
    const policy = resourceOf(encrypted, 'AWS::IAM::Policy', 'InferenceApiRole');
    expect(JSON.stringify(policy.Properties)).toContain('kms:Decrypt');
  });

  it('takes buckets, keys and a bus of another stack of the app', () => {
    const app = new App();
    const theirs = new Stack(app, 'Theirs');
    const key = new Key(theirs, 'Key');
    const bucket = (id: string) =>
      as<IBucket>(new Bucket(theirs, id, { encryptionKey: as<IKey>(key) }));
    const stack = new Stack(app, 'Ours');
    new InferenceService(stack, 'Inference', {
      jobsBucket: bucket('Jobs'),
      resultsBucket: bucket('Results'),
      accessLogsBucket: as<IBucket>(new Bucket(theirs, 'Logs')),
      encryptionKey: as<IKey>(key),
      eventBus: as<IEventBus>(new EventBus(theirs, 'Bus')),
    });
    Template.fromStack(stack).hasResourceProperties('Custom::S3BucketNotifications', {
      Managed: false,
      NotificationConfiguration: { QueueConfigurations: [Match.anyValue()] },
    });
  });

  it('uses buckets and a bus that are passed in, and makes no others', () => {
    const { template: own, service } = synthesise((stack) => ({
      modelsBucket: Bucket.fromBucketName(stack, 'M', 'our-models'),
      jobsBucket: Bucket.fromBucketName(stack, 'J', 'our-jobs'),
      resultsBucket: Bucket.fromBucketName(stack, 'R', 'our-results'),
      eventBus: EventBus.fromEventBusName(stack, 'B', 'our-bus'),
    }));
    own.resourceCountIs('AWS::S3::Bucket', 0);
    own.resourceCountIs('AWS::Events::EventBus', 0);
    expect(service.models.bucketName).toBe('our-models');
    own.hasResourceProperties('Custom::S3BucketNotifications', {
      BucketName: 'our-jobs',
      Managed: false,
    });
    own.hasResourceProperties('AWS::Lambda::Function', {
      Environment: {
        Variables: Match.objectLike({
          PILOTLIGHT_MODELS_BUCKET: 'our-models',
          PILOTLIGHT_JOBS_BUCKET: 'our-jobs',
          PILOTLIGHT_RESULTS_BUCKET: 'our-results',
          PILOTLIGHT_EVENT_BUS_NAME: 'our-bus',
        }),
      },
    });
  });
});

describe('functions', () => {
  it('run one image with three commands, on arm64, with logs of their own and traces', () => {
    const functions = resourcesOf(template, 'AWS::Lambda::Function');
    const ours = Object.values(functions).filter(
      ({ Properties }) => Properties['PackageType'] === 'Image',
    );
    expect(ours.map(({ Properties }) => Properties['ImageConfig'])).toEqual([
      { Command: ['api/handler.handler'] },
      { Command: ['plan/handler.handler'] },
      { Command: ['transform/handler.handler'] },
    ]);
    expect(new Set(ours.map(({ Properties }) => JSON.stringify(Properties['Code']))).size).toBe(1);
    for (const { Properties } of ours) {
      expect(Properties).toMatchObject({
        Architectures: ['arm64'],
        TracingConfig: { Mode: 'Active' },
        LoggingConfig: { LogFormat: 'JSON', LogGroup: { Ref: expect.any(String) } },
        Environment: { Variables: { ORT_DISABLE_TELEMETRY: '1' } },
      });
    }
    template.allResourcesProperties('AWS::Logs::LogGroup', { RetentionInDays: 30 });
  });

  it('follow architecture, sizes, concurrency, retention and VPC', () => {
    const { template: other } = synthesise((stack) => ({
      architecture: Architecture.X86_64,
      apiMemorySize: Size.mebibytes(3008),
      apiEphemeralStorageSize: Size.gibibytes(2),
      apiReservedConcurrency: 40,
      logRetention: RetentionDays.ONE_YEAR,
      vpc: as<IVpc>(new Vpc(stack, 'Vpc')),
    }));
    expect(
      resourceOf(other, 'AWS::Lambda::Function', 'InferenceApiFunction').Properties,
    ).toMatchObject({
      Architectures: ['x86_64'],
      MemorySize: 3008,
      EphemeralStorage: { Size: 2048 },
      ReservedConcurrentExecutions: 40,
      VpcConfig: { SubnetIds: expect.any(Array), SecurityGroupIds: expect.any(Array) },
      Environment: { Variables: { PILOTLIGHT_MODEL_CACHE_MIB: '1984' } },
    });
    const policy = resourceOf(other, 'AWS::IAM::Policy', 'InferenceApiRole');
    expect(JSON.stringify(policy.Properties)).toContain('ec2:CreateNetworkInterface');
    other.allResourcesProperties('AWS::Logs::LogGroup', { RetentionInDays: 365 });
  });

  it('get the memory and the temp disk that the largest declared model needs', () => {
    const { template: large } = synthesise({ largestModelSize: Size.mebibytes(1000) });
    for (const id of ['InferenceApiFunction', 'InferenceTransformFunction']) {
      expect(resourceOf(large, 'AWS::Lambda::Function', id).Properties).toMatchObject({
        MemorySize: 3256,
        EphemeralStorage: { Size: 2000 },
      });
    }
  });

  it('know the default model', () => {
    const { template: named } = synthesise({ defaultModel: 'ocr' });
    const { Properties } = resourceOf(named, 'AWS::Lambda::Function', 'InferenceApiFunction');
    expect(Properties).toMatchObject({
      Environment: { Variables: { PILOTLIGHT_DEFAULT_MODEL: 'ocr' } },
    });
  });
});

describe('the stack', () => {
  it('is the same as the last time somebody looked at it', () => {
    const stack = new PilotlightStack(new App({ context: cdkJson.context }), 'Pilotlight');
    const text = JSON.stringify(Template.fromStack(stack).toJSON(), undefined, 2)
      // What hashes of assets decide is not what this test looks at.
      .replaceAll(/\b[0-9a-f]{64}\b/g, '<asset>')
      .replaceAll(/(CurrentVersion[0-9A-F]{8})[0-9a-f]{32}/g, '$1<hash>');
    expect(text).toMatchSnapshot();
  });
});
