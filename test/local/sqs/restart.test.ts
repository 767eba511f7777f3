import { appendFile, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageCommand,
  SendMessageCommand,
} from '@aws-sdk/client-sqs';
import { describe, expect, it } from 'vitest';
import { temporaryDir } from './harness.ts';
import { restart, start } from './own-queue.ts';

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
