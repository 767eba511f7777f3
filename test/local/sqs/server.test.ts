import { appendFile, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  CancelMessageMoveTaskCommand,
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueUrlCommand,
  ListMessageMoveTasksCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
  SQSClient,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs';
import { describe, expect, it, vi } from 'vitest';
import { type SqsOptions, startSqs } from '../../../local/sqs/server.ts';
import {
  errorOf,
  eventually,
  type OnTestFinished,
  ownServer,
  QueueBench,
  temporaryDir,
} from './harness.ts';

async function start(onTestFinished: OnTestFinished, options: Partial<SqsOptions> = {}) {
  const own = await ownServer({ queues: [{ name: 'main' }], ...options });
  onTestFinished(own.dispose);
  return { ...own, url: own.server.queueUrl('main'), bench: new QueueBench(own.client) };
}

/** The same folder under a new server, as after `npm start` again. */
async function restart(
  onTestFinished: OnTestFinished,
  own: Awaited<ReturnType<typeof start>>,
  options: Partial<SqsOptions> = {},
) {
  await own.server.close();
  return await start(onTestFinished, { ...options, dataDir: own.dataDir });
}

describe.concurrent('a restart', () => {
  it('keeps messages, their attributes and their ids, in order', async ({ onTestFinished }) => {
    const own = await start(onTestFinished);
    await own.client.send(
      new SendMessageCommand({
        QueueUrl: own.url,
        MessageBody: 'line\u2028separator',
        MessageAttributes: { a: { DataType: 'String', StringValue: 'b' } },
      }),
    );
    const id = await own.server.send('main', 'second');
    const again = await restart(onTestFinished, own);
    const messages = await again.bench.receive(again.url, {
      MaxNumberOfMessages: 10,
      MessageAttributeNames: ['All'],
    });
    expect(messages.map(({ Body }) => Body)).toEqual(['line\u2028separator', 'second']);
    expect(messages[0]?.MessageAttributes?.['a']?.StringValue).toBe('b');
    expect(messages[1]?.MessageId).toBe(id);
  });

  it('brings no deleted message back', async ({ onTestFinished }) => {
    const own = await start(onTestFinished);
    await own.server.send('main', 'gone');
    await own.server.send('main', 'there');
    const { ReceiptHandle } = await own.bench.receiveOne(own.url);
    await own.client.send(new DeleteMessageCommand({ QueueUrl: own.url, ReceiptHandle }));
    const again = await restart(onTestFinished, own);
    const messages = await again.bench.receive(again.url, { MaxNumberOfMessages: 10 });
    expect(messages.map(({ Body }) => Body)).toEqual(['there']);
  });

  it('makes visible what was in flight, and does not count the receive that it cut short', async ({
    onTestFinished,
  }) => {
    const own = await start(onTestFinished);
    await own.server.send('main', 'x');
    await own.bench.receiveOne(own.url);
    const again = await restart(onTestFinished, own);
    const message = await again.bench.receiveOne(again.url);
    expect(message.Attributes?.ApproximateReceiveCount).toBe('1');
  });

  it('counts the receives that came to nothing before it', async ({ onTestFinished }) => {
    const own = await start(onTestFinished);
    await own.server.send('main', 'x');
    const { ReceiptHandle } = await own.bench.receiveOne(own.url);
    await own.client.send(
      new ChangeMessageVisibilityCommand({
        QueueUrl: own.url,
        ReceiptHandle,
        VisibilityTimeout: 0,
      }),
    );
    await own.bench.receiveOne(own.url);
    const again = await restart(onTestFinished, own);
    const message = await again.bench.receiveOne(again.url);
    expect(message.Attributes?.ApproximateReceiveCount).toBe('2');
  });

  it('lets a receiver that outlived it delete what it was given', async ({ onTestFinished }) => {
    const own = await start(onTestFinished);
    await own.server.send('main', 'x');
    const { ReceiptHandle } = await own.bench.receiveOne(own.url);
    const again = await restart(onTestFinished, own);
    await again.client.send(new DeleteMessageCommand({ QueueUrl: again.url, ReceiptHandle }));
    expect(again.server.depth('main')).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
  });

  it('keeps a delay running', async ({ onTestFinished }) => {
    const own = await start(onTestFinished);
    await own.bench.send(own.url, 'later', 1);
    const again = await restart(onTestFinished, own);
    expect(again.server.depth('main')).toEqual({ visible: 0, inFlight: 0, delayed: 1 });
    expect((await again.bench.receiveOne(again.url)).Body).toBe('later');
  });

  it('keeps the queues that clients created, and brings its own to the settings that it is given', async ({
    onTestFinished,
  }) => {
    const own = await start(onTestFinished);
    const QueueName = 'created-by-a-client';
    await own.client.send(
      new CreateQueueCommand({
        QueueName,
        Attributes: { VisibilityTimeout: '77' },
        tags: { a: 'b' },
      }),
    );
    const again = await restart(onTestFinished, own, {
      queues: [{ name: 'main', visibilityTimeoutSeconds: 9 }],
    });
    const QueueUrl = again.server.queueUrl(QueueName);
    expect(await again.bench.attribute(QueueUrl, 'VisibilityTimeout')).toBe('77');
    expect(await again.bench.attribute(again.url, 'VisibilityTimeout')).toBe('9');
  });

  it('drops a record that a crash cut in half, and goes on after it', async ({
    onTestFinished,
  }) => {
    const own = await start(onTestFinished);
    await own.server.send('main', 'whole');
    await own.server.close();
    const journal = join(own.dataDir, 'main', 'messages.jsonl');
    const line = await readFile(journal, 'utf8');
    await appendFile(journal, line.slice(0, line.length / 2));
    const again = await start(onTestFinished, { dataDir: own.dataDir });
    await again.server.send('main', 'after');
    const third = await restart(onTestFinished, again);
    const messages = await third.bench.receive(third.url, { MaxNumberOfMessages: 10 });
    expect(messages.map(({ Body }) => Body)).toEqual(['whole', 'after']);
  });

  it('survives garbage where its files should be', async ({ onTestFinished }) => {
    const dataDir = await temporaryDir();
    onTestFinished(async () => await rm(dataDir, { recursive: true, force: true }));
    await mkdir(join(dataDir, 'main'));
    await writeFile(join(dataDir, 'main', 'queue.json'), '{"attributes": ');
    await writeFile(
      join(dataDir, 'main', 'messages.jsonl'),
      '\u0000\u0000\n[1]\n["put",{}]\nnull\n{}',
    );
    const own = await start(onTestFinished, { dataDir });
    await own.server.send('main', 'x');
    expect((await own.bench.receiveOne(own.url)).Body).toBe('x');
  });

  it('finds a journal that does not grow with what was deleted', async ({ onTestFinished }) => {
    const own = await start(onTestFinished);
    for (let round = 0; round < 4; round += 1) {
      await Promise.all(
        Array.from({ length: 500 }, () => own.server.send('main', 'x'.repeat(1000))),
      );
      for (let left = 500; left > 0; ) {
        const messages = await own.bench.receive(own.url, { MaxNumberOfMessages: 10 });
        left -= messages.length;
        await Promise.all(
          messages.map(({ ReceiptHandle }) =>
            own.client.send(new DeleteMessageCommand({ QueueUrl: own.url, ReceiptHandle })),
          ),
        );
      }
    }
    await own.server.send('main', 'last');
    const { size } = await stat(join(own.dataDir, 'main', 'messages.jsonl'));
    expect(size).toBeLessThan(1_500_000);
    const again = await restart(onTestFinished, own);
    expect((await again.bench.receiveOne(again.url)).Body).toBe('last');
  });
});

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

  it('forgets a message when its retention period is over, counted from when it was first sent', async ({
    onTestFinished,
  }) => {
    let aheadMs = 0;
    const own = await start(onTestFinished, {
      now: () => Date.now() + aheadMs,
      queues: [
        { name: 'main', retentionSeconds: 60, redrive: redriveTo('dead', 1) },
        { name: 'dead', retentionSeconds: 100 },
      ],
    });
    await own.server.send('main', 'first');
    const first = await own.bench.receiveOne(own.url);
    await own.client.send(
      new ChangeMessageVisibilityCommand({
        QueueUrl: own.url,
        ReceiptHandle: first.ReceiptHandle,
        VisibilityTimeout: 0,
      }),
    );
    aheadMs = 50_000;
    expect(await own.bench.receive(own.url)).toEqual([]);
    await own.server.send('main', 'second');
    aheadMs = 99_000;
    expect(own.server.depth('dead').visible).toBe(1);
    expect(own.server.depth('main').visible).toBe(1);
    aheadMs = 101_000;
    expect(own.server.depth('dead').visible).toBe(0);
    aheadMs = 111_000;
    expect(own.server.depth('main').visible).toBe(0);
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

  it('lets a dead-letter queue say who may use it', async ({ onTestFinished }) => {
    const own = await start(onTestFinished, {
      queues: [
        { name: 'main' },
        { name: 'mine', redriveAllow: { permission: 'byQueue', sourceQueueNames: ['main'] } },
        { name: 'nobodys', redriveAllow: { permission: 'denyAll' } },
      ],
    });
    const set = async (deadLetters: string) => {
      const RedrivePolicy = JSON.stringify({
        deadLetterTargetArn: await own.bench.arn(own.server.queueUrl(deadLetters)),
        maxReceiveCount: '3',
      });
      await own.client.send(
        new SetQueueAttributesCommand({ QueueUrl: own.url, Attributes: { RedrivePolicy } }),
      );
    };
    await set('mine');
    expect(await own.bench.attribute(own.url, 'RedrivePolicy')).toContain('"maxReceiveCount":3');
    await expect(set('nobodys')).rejects.toThrow(/redrive allow policy/);
    await expect(set('main')).rejects.toThrow(/must not be the queue itself/);
    await expect(
      startSqs({
        port: 0,
        dataDir: own.dataDir,
        queues: [{ name: 'a', redrive: redriveTo('b', 1) }],
      }),
    ).rejects.toThrow(/Dead letter target does not exist/);
  });

  it('moves dead letters at the rate asked for, until it is told to stop', async ({
    onTestFinished,
  }) => {
    const own = await start(onTestFinished, {
      queues: [
        { name: 'main', redrive: redriveTo('dead', 1) },
        { name: 'dead' },
        { name: 'other' },
      ],
    });
    for (const n of [1, 2, 3, 4, 5]) await own.server.send('dead', `dead ${n}`);
    const SourceArn = await own.bench.arn(own.server.queueUrl('dead'));
    const DestinationArn = await own.bench.arn(own.server.queueUrl('other'));
    const { TaskHandle } = await own.client.send(
      new StartMessageMoveTaskCommand({
        SourceArn,
        DestinationArn,
        MaxNumberOfMessagesPerSecond: 5,
      }),
    );
    const second = own.client.send(new StartMessageMoveTaskCommand({ SourceArn }));
    await expect(second).rejects.toThrow(/already a task running/);
    await eventually(
      () => own.server.depth('other').visible,
      (moved) => moved >= 2,
    );
    await own.client.send(new CancelMessageMoveTaskCommand({ TaskHandle }));
    const task = await eventually(
      async () => {
        const list = await own.client.send(new ListMessageMoveTasksCommand({ SourceArn }));
        return list.Results?.[0];
      },
      (state) => state?.Status === 'CANCELLED',
    );
    expect(task).toMatchObject({ Status: 'CANCELLED', DestinationArn });
    expect(task?.TaskHandle).toBeUndefined();
    const moved = own.server.depth('other').visible;
    expect(moved).toBeLessThan(5);
    expect(own.server.depth('dead').visible).toBe(5 - moved);
  });

  it('fails to move dead letters that came from nowhere when no destination is named', async ({
    onTestFinished,
  }) => {
    const own = await start(onTestFinished, {
      queues: [{ name: 'main', redrive: redriveTo('dead', 1) }, { name: 'dead' }],
    });
    await own.server.send('dead', 'sent here by hand');
    const SourceArn = await own.bench.arn(own.server.queueUrl('dead'));
    await own.client.send(new StartMessageMoveTaskCommand({ SourceArn }));
    const task = await eventually(
      async () =>
        (await own.client.send(new ListMessageMoveTasksCommand({ SourceArn }))).Results?.[0],
      (state) => state?.Status === 'FAILED',
    );
    expect(task).toMatchObject({
      Status: 'FAILED',
      FailureReason: 'CouldNotDetermineMessageSource',
    });
    expect(own.server.depth('dead').visible).toBe(1);
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

function redriveTo(deadLetterQueueName: string, maxReceiveCount: number) {
  return { deadLetterQueueName, maxReceiveCount };
}
