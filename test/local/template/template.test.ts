import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Duration, Fn, Stack } from 'aws-cdk-lib';
import { CorsHttpMethod, HttpApi, HttpMethod } from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpIamAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import { EventBus } from 'aws-cdk-lib/aws-events';
import { CfnFunction, Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { Bucket, EventType } from 'aws-cdk-lib/aws-s3';
import { SqsDestination } from 'aws-cdk-lib/aws-s3-notifications';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeCompute } from '../../../local/template/compute.ts';
import { describeHttpApi } from '../../../local/template/http-api.ts';
import { describeStorage } from '../../../local/template/storage.ts';
import { findTemplate, readTemplate, type Template } from '../../../local/template/template.ts';

const endpoints = { queueUrl: (name: string) => `http://127.0.0.1:1234/000000000000/${name}` };

let assemblyDir: string;

beforeAll(async () => {
  assemblyDir = await mkdtemp(join(tmpdir(), 'pilotlight-template-'));
});
afterAll(() => rm(assemblyDir, { recursive: true, force: true }));

/** Synthesises a stack with all that the laptop understands, and reads it back. */
async function synthesise(): Promise<Template> {
  const app = new App({
    outdir: assemblyDir,
    analyticsReporting: false,
    // What the cdk command asks for, and the laptop reads.
    context: { 'aws:cdk:enable-path-metadata': true, 'aws:cdk:enable-asset-metadata': true },
  });
  const stack = new Stack(app, 'Sample');
  const models = new Bucket(stack, 'ModelRepository', { versioned: true });
  const named = new Bucket(stack, 'Named', { bucketName: 'a-given-name' });
  const deadLetters = new Queue(stack, 'WorkDeadLetters');
  const work = new Queue(stack, 'Work', {
    visibilityTimeout: Duration.minutes(3),
    retentionPeriod: Duration.days(14),
    deadLetterQueue: { queue: deadLetters, maxReceiveCount: 4 },
  });
  const bus = new EventBus(stack, 'Bus', { eventBusName: 'events' });
  named.addEventNotification(EventType.OBJECT_CREATED, new SqsDestination(work), {
    prefix: 'in/',
    suffix: '.jsonl',
  });
  const worker = new LambdaFunction(stack, 'Worker', {
    runtime: Runtime.NODEJS_24_X,
    handler: 'worker/handler.handler',
    code: Code.fromAsset(join(import.meta.dirname, '..', 'lambda')),
    memorySize: 1769,
    timeout: Duration.seconds(30),
    reservedConcurrentExecutions: 7,
    environment: {
      MODELS: models.bucketName,
      MODELS_ARN: models.bucketArn,
      URL: work.queueUrl,
      QUEUE: work.queueName,
      BUS: bus.eventBusName,
      JOINED: Fn.join('/', ['s3:', '', models.bucketName]),
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is CloudFormation that substitutes
      SUBSTITUTED: Fn.sub('${AWS::Region} ${Bucket} ${!literal}', { Bucket: named.bucketName }),
      SELECTED: Fn.select(5, Fn.split(':', work.queueArn)),
    },
  });
  worker.addEventSource(
    new SqsEventSource(work, {
      batchSize: 100,
      maxBatchingWindow: Duration.seconds(2),
      maxConcurrency: 5,
      reportBatchItemFailures: true,
    }),
  );
  new CfnFunction(stack, 'FromImage', {
    packageType: 'Image',
    role: 'arn:aws:iam::000000000000:role/any',
    code: { imageUri: 'any' },
    imageConfig: { command: ['api/handler.handler'] },
  });
  const api = new HttpApi(stack, 'Api', {
    corsPreflight: {
      allowOrigins: ['https://app.example'],
      allowMethods: [CorsHttpMethod.POST],
      allowHeaders: ['content-type'],
      exposeHeaders: ['inference-header-content-length'],
      maxAge: Duration.minutes(5),
    },
  });
  const { functionArn } = worker.addAlias('live');
  const live = LambdaFunction.fromFunctionArn(stack, 'Live', functionArn);
  api.addRoutes({
    path: '/v2/{proxy+}',
    methods: [HttpMethod.ANY],
    integration: new HttpLambdaIntegration('Direct', worker),
  });
  api.addRoutes({
    path: '/ping',
    methods: [HttpMethod.GET],
    integration: new HttpLambdaIntegration('ByAlias', live, { timeout: Duration.seconds(5) }),
    authorizer: new HttpIamAuthorizer(),
  });
  app.synth();
  return readTemplate(await findTemplate(assemblyDir), endpoints);
}

describe('the template reader', () => {
  let template: Template;
  beforeAll(async () => {
    template = await synthesise();
  });

  it('describes buckets, queues and what leads from one to the other', () => {
    expect(describeStorage(template)).toMatchObject({
      buckets: [
        { name: 'sample-model-repository', versioned: true, notifications: [] },
        {
          name: 'a-given-name',
          versioned: false,
          notifications: [
            {
              events: ['s3:ObjectCreated:*'],
              prefix: 'in/',
              suffix: '.jsonl',
              queueName: 'sample-work',
            },
          ],
        },
      ],
      queues: [
        {
          name: 'sample-work-dead-letters',
          visibilityTimeoutSeconds: 30,
          retentionSeconds: 345_600,
          redrive: undefined,
        },
        {
          name: 'sample-work',
          arn: 'arn:aws:sqs:us-east-1:000000000000:sample-work',
          visibilityTimeoutSeconds: 180,
          retentionSeconds: 1_209_600,
          redrive: { deadLetterQueueName: 'sample-work-dead-letters', maxReceiveCount: 4 },
        },
      ],
      eventBusNames: ['events'],
    });
  });

  it('describes functions with their environment resolved, and leaves out those of CDK itself', () => {
    const { functions } = describeCompute(template);
    expect(functions.map(({ name }) => name)).toEqual(['sample-worker', 'sample-from-image']);
    expect(functions[0]).toMatchObject({
      handler: 'worker/handler.handler',
      memoryMiB: 1769,
      timeoutMs: 30_000,
      reservedConcurrency: 7,
      ephemeralStorageMiB: 512,
      environment: {
        MODELS: 'sample-model-repository',
        MODELS_ARN: 'arn:aws:s3:::sample-model-repository',
        URL: 'http://127.0.0.1:1234/000000000000/sample-work',
        QUEUE: 'sample-work',
        BUS: 'events',
        JOINED: 's3://sample-model-repository',
        // biome-ignore lint/suspicious/noTemplateCurlyInString: what `${!literal}` stands for
        SUBSTITUTED: 'us-east-1 a-given-name ${literal}',
        SELECTED: 'sample-work',
      },
    });
    expect(functions[0]?.codeDir?.startsWith(assemblyDir)).toBe(true);
    expect(functions[1]).toMatchObject({ handler: 'api/handler.handler', codeDir: undefined });
  });

  it('describes event source mappings', () => {
    expect(describeCompute(template).eventSourceMappings).toMatchObject([
      {
        functionName: 'sample-worker',
        queueName: 'sample-work',
        batchSize: 100,
        batchingWindowMs: 2000,
        maximumConcurrency: 5,
        reportsBatchItemFailures: true,
      },
    ]);
  });

  it('describes the HTTP API, also where an alias stands between it and the function', () => {
    expect(describeHttpApi(template)).toMatchObject({
      stageName: '$default',
      routes: [
        {
          routeKey: 'ANY /v2/{proxy+}',
          functionName: 'sample-worker',
          timeoutMs: 30_000,
          authorizationType: 'NONE',
        },
        {
          routeKey: 'GET /ping',
          functionName: 'sample-worker',
          timeoutMs: 5000,
          authorizationType: 'AWS_IAM',
        },
      ],
      cors: {
        allowOrigins: ['https://app.example'],
        allowMethods: ['POST'],
        allowHeaders: ['content-type'],
        exposeHeaders: ['inference-header-content-length'],
        maxAgeSeconds: 300,
        allowCredentials: false,
      },
    });
  });
});

/** Reads a template with these resources beside a queue. */
async function read(resources: Record<string, unknown>): Promise<Template> {
  const path = join(assemblyDir, 'Made.template.json');
  const queue = { Work: { Type: 'AWS::SQS::Queue' } };
  await writeFile(path, JSON.stringify({ Resources: { ...queue, ...resources } }));
  return readTemplate({ stackName: 'Made', path }, endpoints);
}

const functionWith = (properties: object) => ({
  Fn: {
    Type: 'AWS::Lambda::Function',
    Properties: { PackageType: 'Image', ImageConfig: { Command: ['a.b'] }, ...properties },
  },
});

describe('the calls that one environment takes at a time', () => {
  it.each([
    ['are one', {}, 1],
    ['are what managed instances are given', { PerExecutionEnvironmentMaxConcurrency: 16 }, 16],
    ['are 64 a virtual CPU on managed instances that are given nothing', {}, 128],
    ['which they have by memory', { ExecutionEnvironmentMemoryGiBPerVCpu: 4 }, 64],
  ])('%s', async (_, instances, expected) => {
    const managed = {
      MemorySize: 4096,
      CapacityProviderConfig: { LambdaManagedInstancesCapacityProviderConfig: instances },
    };
    const template = await read(functionWith(expected === 1 ? {} : managed));
    const [described] = describeCompute(template).functions;
    expect(described?.environmentConcurrency).toBe(expected);
  });
});

describe('a template that the laptop cannot read', () => {
  it.each([
    [functionWith({ Timeout: 'soon' }), 'Fn.Timeout: expected a whole number, got "soon"'],
    [functionWith({ ImageConfig: {} }), 'Fn.ImageConfig.Command: expected one command'],
    [
      functionWith({ Environment: { Variables: { ROLE: { 'Fn::GetAtt': ['Nowhere', 'Arn'] } } } }),
      'Fn.Environment.Variables.ROLE: {"Fn::GetAtt":["Nowhere","Arn"]} refers to something',
    ],
    [
      {
        Mapping: {
          Type: 'AWS::Lambda::EventSourceMapping',
          Properties: { EventSourceArn: 'arn:aws:kinesis:any', FunctionName: 'any' },
        },
      },
      'Mapping.EventSourceArn: expected the ARN of a queue, got "arn:aws:kinesis:any"',
    ],
  ])('is named by logical id and property (%#)', async (resources, message) => {
    const template = await read(resources);
    expect(() => describeCompute(template)).toThrow(message);
  });

  it('may not notify anything but queues', async () => {
    const template = await read({
      Watched: {
        Type: 'AWS::S3::Bucket',
        Properties: { NotificationConfiguration: { TopicConfigurations: [] } },
      },
    });
    expect(() => describeStorage(template)).toThrow(
      'Watched.NotificationConfiguration.TopicConfigurations: expected QueueConfigurations alone',
    );
  });

  it('is missing: the message says what to do', async () => {
    await expect(findTemplate(join(assemblyDir, 'nowhere'))).rejects.toThrow('run the synthesis');
  });
});
