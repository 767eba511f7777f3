import {
  CancelMessageMoveTaskCommand,
  ChangeMessageVisibilityCommand,
  ListMessageMoveTasksCommand,
  SetQueueAttributesCommand,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs';
import { describe, expect, it } from 'vitest';
import { startSqs } from '../../../local/sqs/server.ts';
import { eventually } from './harness.ts';
import { redriveTo, start } from './own-queue.ts';

describe.concurrent('the server', () => {
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
