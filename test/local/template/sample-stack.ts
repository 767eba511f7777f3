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
import { findTemplate, readTemplate, type Template } from '../../../local/template/template.ts';
import { endpoints } from './endpoints.ts';

/** Synthesises a stack with all that the laptop understands, and reads it back. */
export async function synthesise(assemblyDir: string): Promise<Template> {
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
