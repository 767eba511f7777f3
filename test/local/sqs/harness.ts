import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateQueueCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  type Message,
  type QueueAttributeName,
  ReceiveMessageCommand,
  type ReceiveMessageCommandInput,
  SendMessageCommand,
  SQSClient,
  type SQSClientConfig,
  type SQSServiceException,
} from '@aws-sdk/client-sqs';
import type { TestContext } from 'vitest';
import { type SqsOptions, type SqsServer, startSqs } from '../../../local/sqs/server.ts';

/** What a test hands to those who have something to clean up, for tests that run side by side. */
export type OnTestFinished = TestContext['onTestFinished'];

/** An SDK client of some endpoint, with the SDK's defaults but for what `config` says. */
export function clientOf(endpoint: string, config: SQSClientConfig = {}): SQSClient {
  return new SQSClient({
    ...config,
    endpoint,
    region: process.env['AWS_REGION'] ?? 'us-east-1',
    ...(process.env['AWS_ACCESS_KEY_ID'] === undefined
      ? { credentials: { accessKeyId: 'test', secretAccessKey: 'test' } }
      : {}),
  });
}

export async function temporaryDir(): Promise<string> {
  return await mkdtemp(join(tmpdir(), 'pilotlight-sqs-'));
}

/** One of our servers on a data folder of its own, gone with `dispose`. */
export async function ownServer(options: Partial<SqsOptions> = {}) {
  const dataDir = options.dataDir ?? (await temporaryDir());
  const server: SqsServer = await startSqs({ port: 0, ...options, dataDir });
  const client = clientOf(server.url);
  return {
    server,
    client,
    dataDir,
    async dispose() {
      client.destroy();
      await server.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/**
 * What the conformance suite talks to: `PILOTLIGHT_CONFORMANCE_SQS_ENDPOINT`, or a server of ours. The queues that are
 * made by its bench are gone with `dispose`.
 */
export async function conformanceTarget() {
  const { client, dispose } = await conformanceClient();
  const bench = new QueueBench(client);
  return {
    client,
    bench,
    async dispose() {
      await bench.dispose();
      await dispose();
    },
  };
}

async function conformanceClient() {
  const endpoint = process.env['PILOTLIGHT_CONFORMANCE_SQS_ENDPOINT'];
  if (endpoint === undefined) return await ownServer();
  const client = clientOf(endpoint);
  return { client, dispose: async () => client.destroy() };
}

/** Queues with names that no other run has, and short cuts to their messages. */
export class QueueBench {
  readonly client: SQSClient;
  readonly #urls: string[] = [];

  constructor(client: SQSClient) {
    this.client = client;
  }

  async create(
    attributes: Partial<Record<QueueAttributeName, string>> = {},
    prefix = 'conformance',
  ): Promise<string> {
    const { QueueUrl } = await this.client.send(
      new CreateQueueCommand({ QueueName: `${prefix}-${randomUUID()}`, Attributes: attributes }),
    );
    if (QueueUrl === undefined) throw new Error('CreateQueue gave no QueueUrl');
    this.#urls.push(QueueUrl);
    return QueueUrl;
  }

  async send(QueueUrl: string, MessageBody: string, DelaySeconds?: number): Promise<string> {
    const answer = await this.client.send(
      new SendMessageCommand({
        QueueUrl,
        MessageBody,
        ...(DelaySeconds === undefined ? {} : { DelaySeconds }),
      }),
    );
    if (answer.MessageId === undefined) throw new Error('SendMessage gave no MessageId');
    return answer.MessageId;
  }

  /** What one ReceiveMessage gives, with all system attributes. */
  async receive(
    QueueUrl: string,
    options: Partial<ReceiveMessageCommandInput> = {},
  ): Promise<Message[]> {
    const { Messages } = await this.client.send(
      new ReceiveMessageCommand({ QueueUrl, MessageSystemAttributeNames: ['All'], ...options }),
    );
    return Messages ?? [];
  }

  async receiveOne(
    QueueUrl: string,
    options: Partial<ReceiveMessageCommandInput> = {},
  ): Promise<Message> {
    const [message] = await this.receive(QueueUrl, { WaitTimeSeconds: 5, ...options });
    if (message === undefined) throw new Error('expected a message, got none');
    return message;
  }

  async attribute(QueueUrl: string, name: QueueAttributeName): Promise<string | undefined> {
    const { Attributes } = await this.client.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [name] }),
    );
    return Attributes?.[name];
  }

  async arn(QueueUrl: string): Promise<string> {
    const arn = await this.attribute(QueueUrl, 'QueueArn');
    if (arn === undefined) throw new Error('the queue has no ARN');
    return arn;
  }

  async dispose(): Promise<void> {
    await Promise.all(
      this.#urls.map((QueueUrl) =>
        this.client.send(new DeleteQueueCommand({ QueueUrl })).catch(() => undefined),
      ),
    );
  }
}

export function nameOf(queueUrl: string): string {
  return queueUrl.slice(queueUrl.lastIndexOf('/') + 1);
}

/** The error that a call of the SDK rejects with. */
export async function errorOf(call: Promise<unknown>): Promise<SQSServiceException> {
  try {
    await call;
  } catch (error) {
    return error as SQSServiceException;
  }
  throw new Error('expected an error, got an answer');
}

/** Asks until the answer is what is wanted, for ten seconds at most; gives the last answer. */
export async function eventually<T>(
  ask: () => Promise<T> | T,
  isWanted: (answer: T) => boolean,
): Promise<T> {
  const untilMs = Date.now() + 10_000;
  for (;;) {
    const answer = await ask();
    if (isWanted(answer) || Date.now() > untilMs) return answer;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
