import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { S3Client } from '@aws-sdk/client-s3';
import {
  DeleteMessageCommand,
  type Message,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { type S3Server, startS3 } from '../../local/s3/server.ts';
import { type SqsServer, startSqs } from '../../local/sqs/server.ts';
import { S3ObjectStore } from '../../src/adapters/s3/object-store.ts';
import { environmentVariables } from '../../src/contract/environment.ts';

const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };

/** Three buckets, two queues with their dead letters, and the notification between them: real servers on loopback. */
export interface Laptop {
  readonly s3: S3Server;
  readonly sqs: SqsServer;
  readonly s3Client: S3Client;
  readonly sqsClient: SQSClient;
  readonly models: S3ObjectStore;
  readonly jobs: S3ObjectStore;
  readonly results: S3ObjectStore;
  /** What a function of the stack would find in its environment. */
  readonly environment: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

export const shardQueue = 'shards';
export const planQueue = 'plans';

export async function startLaptop(
  options: { readonly visibilityTimeoutSeconds?: number; readonly maxReceiveCount?: number } = {},
): Promise<Laptop> {
  const folder = mkdtempSync(join(tmpdir(), 'pilotlight-batch-'));
  const { visibilityTimeoutSeconds = 5, maxReceiveCount = 5 } = options;
  const queue = (name: string) => ({
    name,
    visibilityTimeoutSeconds,
    redrive: { deadLetterQueueName: `${name}-dead`, maxReceiveCount },
  });
  const sqs = await startSqs({
    port: 0,
    dataDir: join(folder, 'sqs'),
    queues: [
      { name: `${planQueue}-dead` },
      { name: `${shardQueue}-dead` },
      queue(planQueue),
      queue(shardQueue),
    ],
  });
  const s3 = await startS3({
    dataDir: join(folder, 's3'),
    buckets: [{ name: 'models' }, { name: 'jobs' }, { name: 'results' }],
    notifications: [
      {
        id: 'uploads',
        bucket: 'jobs',
        events: ['s3:ObjectCreated:*'],
        prefix: 'in/',
        deliver: async (message) => {
          await sqs.send(planQueue, message);
        },
      },
    ],
  });
  const s3Client = new S3Client({
    region: 'us-east-1',
    endpoint: s3.url,
    forcePathStyle: true,
    // Enough that what gets through its retries is what the adapter has to bear.
    maxAttempts: 8,
    credentials,
  });
  const sqsClient = new SQSClient({ region: 'us-east-1', endpoint: sqs.url, credentials });
  return {
    s3,
    sqs,
    s3Client,
    sqsClient,
    models: new S3ObjectStore(s3Client, 'models'),
    jobs: new S3ObjectStore(s3Client, 'jobs'),
    results: new S3ObjectStore(s3Client, 'results'),
    environment: {
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_ENDPOINT_URL_S3: s3.url,
      AWS_ENDPOINT_URL_SQS: sqs.url,
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '1769',
      POWERTOOLS_DEV: 'false',
      POWERTOOLS_LOG_LEVEL: 'SILENT',
      POWERTOOLS_METRICS_DISABLED: 'true',
      ORT_DISABLE_TELEMETRY: '1',
      NODE_OPTIONS: '--max-semi-space-size=4',
      [environmentVariables.modelsBucket]: 'models',
      [environmentVariables.jobsBucket]: 'jobs',
      [environmentVariables.resultsBucket]: 'results',
      [environmentVariables.planQueueUrl]: sqs.queueUrl(planQueue),
      [environmentVariables.shardQueueUrl]: sqs.queueUrl(shardQueue),
      [environmentVariables.modelCacheDir]: join(folder, 'cache'),
      [environmentVariables.shardVisibilitySeconds]: '1',
      [environmentVariables.shardMaxReceiveCount]: String(maxReceiveCount),
    },
    async close() {
      s3Client.destroy();
      sqsClient.destroy();
      await s3.close();
      await sqs.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** One message off a queue; undefined when none came within a moment. */
export async function receive(
  { sqsClient, sqs }: Pick<Laptop, 'sqsClient' | 'sqs'>,
  queue: string,
  waitSeconds = 0,
): Promise<Message | undefined> {
  const { Messages = [] } = await sqsClient.send(
    new ReceiveMessageCommand({
      QueueUrl: sqs.queueUrl(queue),
      MaxNumberOfMessages: 1,
      WaitTimeSeconds: waitSeconds,
      MessageSystemAttributeNames: ['ApproximateReceiveCount'],
    }),
  );
  return Messages[0];
}

export async function remove(
  { sqsClient, sqs }: Pick<Laptop, 'sqsClient' | 'sqs'>,
  queue: string,
  message: Message,
): Promise<void> {
  await sqsClient.send(
    new DeleteMessageCommand({
      QueueUrl: sqs.queueUrl(queue),
      ReceiptHandle: message.ReceiptHandle,
    }),
  );
}
