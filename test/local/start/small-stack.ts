import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Build } from '../../../local/build.ts';

const att = (logicalId: string, attribute: string) => ({ 'Fn::GetAtt': [logicalId, attribute] });
const ref = (logicalId: string) => ({ Ref: logicalId });

function queue(name: string, properties: object = {}) {
  return { Type: 'AWS::SQS::Queue', Properties: { QueueName: name, ...properties } };
}

function bucket(name: string) {
  return { Type: 'AWS::S3::Bucket', Properties: { BucketName: name } };
}

function imageFunction(name: string, handler: string, timeoutSeconds: number) {
  return {
    Type: 'AWS::Lambda::Function',
    Properties: {
      FunctionName: name,
      PackageType: 'Image',
      ImageConfig: { Command: [handler] },
      Timeout: timeoutSeconds,
      Environment: {
        Variables: {
          PILOTLIGHT_MODELS_BUCKET: ref('Models'),
          PILOTLIGHT_JOBS_BUCKET: ref('Jobs'),
          PILOTLIGHT_RESULTS_BUCKET: ref('Results'),
          QUEUE_URL: ref('Work'),
          BUS: ref('Bus'),
        },
      },
    },
  };
}

const resources = {
  Models: bucket('models'),
  Jobs: bucket('jobs'),
  Results: bucket('results'),
  Bus: { Type: 'AWS::Events::EventBus', Properties: { Name: 'bus' } },
  DeadLetters: queue('dead-letters'),
  Work: queue('work', {
    VisibilityTimeout: 360,
    RedrivePolicy: { deadLetterTargetArn: att('DeadLetters', 'Arn'), maxReceiveCount: 2 },
  }),
  JobsNotifications: {
    Type: 'Custom::S3BucketNotifications',
    Properties: {
      BucketName: ref('Jobs'),
      NotificationConfiguration: {
        QueueConfigurations: [
          {
            Events: ['s3:ObjectCreated:*'],
            Filter: { Key: { FilterRules: [{ Name: 'prefix', Value: 'in/' }] } },
            QueueArn: att('Work', 'Arn'),
          },
        ],
      },
    },
  },
  Copy: imageFunction('copy', 'copy.handler', 60),
  CopyMapping: {
    Type: 'AWS::Lambda::EventSourceMapping',
    Properties: { EventSourceArn: att('Work', 'Arn'), FunctionName: ref('Copy'), BatchSize: 1 },
  },
  Api: { Type: 'AWS::ApiGatewayV2::Api', Properties: { ProtocolType: 'HTTP' } },
  Fn: imageFunction('fn', 'api.handler', 29),
  Integration: {
    Type: 'AWS::ApiGatewayV2::Integration',
    Properties: {
      ApiId: ref('Api'),
      IntegrationUri: att('Fn', 'Arn'),
      PayloadFormatVersion: '2.0',
    },
  },
  Route: {
    Type: 'AWS::ApiGatewayV2::Route',
    Properties: {
      ApiId: ref('Api'),
      RouteKey: 'ANY /v2/{proxy+}',
      AuthorizationType: 'AWS_IAM',
      Target: { 'Fn::Join': ['/', ['integrations', ref('Integration')]] },
    },
  },
};

/** A stack of the shape of the project's own, with the handlers of fixtures/, as if it had been built. */
export async function writeSmallStack(folder: string): Promise<Build> {
  const assemblyDir = join(folder, 'assembly');
  await mkdir(assemblyDir, { recursive: true });
  const artifacts = {
    Small: {
      type: 'aws:cloudformation:stack',
      properties: { templateFile: 'Small.template.json' },
    },
  };
  await writeFile(join(assemblyDir, 'manifest.json'), JSON.stringify({ artifacts }));
  await writeFile(
    join(assemblyDir, 'Small.template.json'),
    JSON.stringify({ Resources: resources }),
  );
  return { assemblyDir, bundlesDir: join(import.meta.dirname, 'fixtures'), isReused: true };
}
