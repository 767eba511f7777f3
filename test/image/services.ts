import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { type Message, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { type EventsServer, startEvents } from '../../local/events/server.ts';
import { type S3Server, startS3 } from '../../local/s3/server.ts';
import { type SqsServer, startSqs } from '../../local/sqs/server.ts';
import { environmentVariables } from '../../src/contract/environment.ts';

/** What the functions reach over the wire: S3, SQS and EventBridge, on loopback. */
export interface Services {
  readonly s3: S3Client;
  readonly events: EventsServer;
  /** Takes the next message from a queue, as soon as there is one. */
  receive(queue: 'plan' | 'shards'): Promise<Message>;
  /** What the stack and the machine would tell a function. */
  readonly environment: Readonly<Record<string, string>>;
  put(bucket: 'models' | 'jobs', key: string, body: Uint8Array | string): Promise<void>;
  close(): Promise<void>;
}

export async function startServices(): Promise<Services> {
  const folder = mkdtempSync(join(tmpdir(), 'pilotlight-image-'));
  const sqsServer: SqsServer = await startSqs({
    port: 0,
    dataDir: join(folder, 'sqs'),
    queues: [{ name: 'plan' }, { name: 'shards' }],
  });
  const s3Server: S3Server = await startS3({
    dataDir: join(folder, 's3'),
    buckets: [{ name: 'models' }, { name: 'jobs' }, { name: 'results' }],
    notifications: [
      {
        id: 'uploads',
        bucket: 'jobs',
        events: ['s3:ObjectCreated:*'],
        deliver: async (message) => {
          await sqsServer.send('plan', message);
        },
      },
    ],
  });
  const events = await startEvents({ port: 0 });
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const region = 'us-east-1';
  const s3 = new S3Client({ endpoint: s3Server.url, forcePathStyle: true, region, credentials });
  const sqs = new SQSClient({ endpoint: sqsServer.url, region, credentials });
  return {
    ...{ s3, events },
    async receive(queue) {
      for (let polls = 0; polls < 10; polls += 1) {
        const { Messages = [] } = await sqs.send(
          new ReceiveMessageCommand({ QueueUrl: sqsServer.queueUrl(queue), WaitTimeSeconds: 2 }),
        );
        const [message] = Messages;
        // Every bucket begins with a test message.
        if (message !== undefined && !message.Body?.includes('s3:TestEvent')) return message;
      }
      throw new Error(`no message came into the ${queue} queue`);
    },
    environment: {
      [environmentVariables.modelsBucket]: 'models',
      [environmentVariables.jobsBucket]: 'jobs',
      [environmentVariables.resultsBucket]: 'results',
      [environmentVariables.planQueueUrl]: sqsServer.queueUrl('plan'),
      [environmentVariables.shardQueueUrl]: sqsServer.queueUrl('shards'),
      [environmentVariables.eventBusName]: 'bus',
      AWS_ENDPOINT_URL_S3: s3Server.url,
      AWS_ENDPOINT_URL_SQS: sqsServer.url,
      AWS_ENDPOINT_URL_EVENTBRIDGE: events.url,
    },
    async put(bucket, key, body) {
      await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body }));
    },
    async close() {
      s3.destroy();
      sqs.destroy();
      await Promise.all([s3Server.close(), sqsServer.close(), events.close()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
