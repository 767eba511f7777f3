import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueUrlCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { describe, expect, it, vi } from 'vitest';
import { startSqs } from '../../../local/sqs/server.ts';
import { errorOf, temporaryDir } from './harness.ts';
import { start } from './own-queue.ts';

describe.concurrent('the server', () => {
  it('says in one sentence that its port is taken', async ({ onTestFinished }) => {
    const own = await start(onTestFinished);
    const dataDir = await temporaryDir();
    onTestFinished(async () => await rm(dataDir, { recursive: true, force: true }));
    await expect(startSqs({ port: own.server.port, dataDir })).rejects.toThrow(
      `port ${own.server.port} is in use by another program`,
    );
  });

  it('is reached by the host in a queue URL under any name for it', async ({ onTestFinished }) => {
    const own = await start(onTestFinished);
    const QueueUrl = own.url.replace('127.0.0.1', 'localhost');
    await own.bench.send(QueueUrl, 'x');
    expect(own.server.depth('main').visible).toBe(1);
  });

  it('refuses an address that is no queue URL', async ({ onTestFinished }) => {
    const own = await start(onTestFinished);
    for (const QueueUrl of ['main', 'http://127.0.0.1/main', `${own.server.url}/`]) {
      expect((await errorOf(own.bench.send(QueueUrl, 'x'))).name).toBe('InvalidAddress');
    }
  });

  it('refuses FIFO queues with a sentence', async ({ onTestFinished }) => {
    const own = await start(onTestFinished);
    const create = async (QueueName: string, Attributes: Record<string, string>) =>
      await errorOf(own.client.send(new CreateQueueCommand({ QueueName, Attributes })));
    for (const error of [
      await create('orders.fifo', { FifoQueue: 'true' }),
      await create('orders', { FifoQueue: 'true' }),
    ]) {
      expect(error.name).toBe('UnsupportedOperation');
      expect(error.message).toMatch(/FIFO queues are not supported/);
    }
  });

  it('answers what is not the JSON protocol with an error that says what it expects', async ({
    onTestFinished,
  }) => {
    const { server } = await start(onTestFinished);
    const post = async (headers: Record<string, string>, body: string) => {
      const response = await fetch(server.url, { method: 'POST', headers, body });
      return { status: response.status, body: (await response.json()) as { message: string } };
    };
    const query = await post(
      { 'content-type': 'application/x-www-form-urlencoded' },
      'Action=ListQueues',
    );
    expect(query).toMatchObject({ status: 400, body: { message: /AWS JSON protocol/ } });
    const target = { 'x-amz-target': 'AmazonSQS.ListQueues' };
    const json = { ...target, 'content-type': 'application/x-amz-json-1.0' };
    expect(await post({ ...target, 'content-type': 'text/plain' }, '{}')).toMatchObject({
      status: 400,
      body: { message: /content-type/ },
    });
    for (const body of ['', '{', '[]', 'null', '{"MaxResults": "many"}', '{"MaxResults": 1e99}']) {
      expect((await post(json, body)).status).toBe(400);
    }
    expect((await post(json, `{"QueueNamePrefix":"${'x'.repeat(9_000_000)}"}`)).status).toBe(400);
    const unknown = { ...json, 'x-amz-target': 'AmazonSQS.AddPermission' };
    expect(await post(unknown, '{}')).toMatchObject({ body: { message: /AddPermission/ } });
  });

  it('stops at once while receivers wait, and tells them nothing came', async ({
    onTestFinished,
  }) => {
    const own = await start(onTestFinished);
    const waiting = own.bench.receive(own.url, { WaitTimeSeconds: 20 });
    await delay(500);
    const startMs = Date.now();
    await own.server.close();
    expect(await waiting).toEqual([]);
    expect(Date.now() - startMs).toBeLessThan(3000);
  });

  it('gives no message to a receiver that has hung up', async ({ onTestFinished }) => {
    const own = await start(onTestFinished);
    const hangUp = new AbortController();
    const request = fetch(own.server.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-amz-json-1.0',
        'x-amz-target': 'AmazonSQS.ReceiveMessage',
      },
      body: JSON.stringify({ QueueUrl: own.url, WaitTimeSeconds: 20 }),
      signal: hangUp.signal,
    }).catch(() => undefined);
    await delay(100);
    hangUp.abort();
    await request;
    await delay(50);
    await own.server.send('main', 'x');
    expect(own.server.depth('main')).toEqual({ visible: 1, inFlight: 0, delayed: 0 });
  });

  it('does not delete with a receipt handle that a later receive has replaced', async ({
    onTestFinished,
  }) => {
    const own = await start(onTestFinished, {
      queues: [{ name: 'main', visibilityTimeoutSeconds: 0 }],
    });
    await own.server.send('main', 'x');
    const { ReceiptHandle } = await own.bench.receiveOne(own.url);
    await own.bench.receiveOne(own.url);
    await own.client.send(new DeleteMessageCommand({ QueueUrl: own.url, ReceiptHandle }));
    expect(own.server.depth('main').visible).toBe(1);
  });
});

describe('the environment', () => {
  it('leads a client to the server by AWS_ENDPOINT_URL_SQS alone', async ({ onTestFinished }) => {
    const own = await start(onTestFinished);
    onTestFinished(() => void vi.unstubAllEnvs());
    vi.stubEnv('AWS_ENDPOINT_URL_SQS', own.server.url);
    vi.stubEnv('AWS_REGION', 'us-east-1');
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
    const client = new SQSClient({});
    const { QueueUrl } = await client.send(new GetQueueUrlCommand({ QueueName: 'main' }));
    await client.send(new SendMessageCommand({ QueueUrl, MessageBody: 'x' }));
    client.destroy();
    expect(own.server.depth('main').visible).toBe(1);
  });
});
