import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeCompute } from '../../../local/template/compute.ts';
import { describeHttpApi } from '../../../local/template/http-api.ts';
import { describeStorage } from '../../../local/template/storage.ts';
import type { Template } from '../../../local/template/template.ts';
import { synthesise } from './sample-stack.ts';

let assemblyDir: string;

beforeAll(async () => {
  assemblyDir = await mkdtemp(join(tmpdir(), 'pilotlight-template-'));
});
afterAll(() => rm(assemblyDir, { recursive: true, force: true }));

describe('the template reader', () => {
  let template: Template;
  beforeAll(async () => {
    template = await synthesise(assemblyDir);
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
