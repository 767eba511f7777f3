import {
  ListDeadLetterSourceQueuesCommand,
  ListMessageMoveTasksCommand,
  SetQueueAttributesCommand,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs';
import { afterAll, describe, expect, it } from 'vitest';
import { conformanceTarget, errorOf, eventually } from './harness.ts';

const target = await conformanceTarget();
const { bench } = target;
afterAll(() => target.dispose());

/** A queue that gives up on a message after `maxReceiveCount` receives of no visible time at all. */
async function queueWithDeadLetters(maxReceiveCount: number) {
  const deadLetterUrl = await bench.create();
  const sourceUrl = await bench.create({
    VisibilityTimeout: '0',
    RedrivePolicy: JSON.stringify({
      deadLetterTargetArn: await bench.arn(deadLetterUrl),
      maxReceiveCount,
    }),
  });
  return { sourceUrl, deadLetterUrl };
}

describe.concurrent('redrive', () => {
  it('moves a message to the dead-letter queue instead of receiving it once too often', async () => {
    const { sourceUrl, deadLetterUrl } = await queueWithDeadLetters(2);
    const id = await bench.send(sourceUrl, 'poison');
    await bench.receiveOne(sourceUrl);
    await bench.receiveOne(sourceUrl);
    expect(await bench.receive(sourceUrl)).toEqual([]);
    const dead = await bench.receiveOne(deadLetterUrl);
    expect(dead).toMatchObject({ MessageId: id, Body: 'poison' });
  });

  it('names the queue that a dead letter came from', async () => {
    const { sourceUrl, deadLetterUrl } = await queueWithDeadLetters(1);
    await bench.send(sourceUrl, 'poison');
    await bench.receiveOne(sourceUrl);
    await bench.receive(sourceUrl);
    const dead = await bench.receiveOne(deadLetterUrl);
    expect(dead.Attributes?.DeadLetterQueueSourceArn).toBe(await bench.arn(sourceUrl));
  });

  it('lists the queues that a dead-letter queue serves', async () => {
    const { sourceUrl, deadLetterUrl } = await queueWithDeadLetters(1);
    const { queueUrls } = await target.client.send(
      new ListDeadLetterSourceQueuesCommand({ QueueUrl: deadLetterUrl }),
    );
    expect(queueUrls).toEqual([sourceUrl]);
  });

  it('refuses a dead-letter queue that does not exist', async () => {
    const QueueUrl = await bench.create();
    const RedrivePolicy = JSON.stringify({
      deadLetterTargetArn: `${await bench.arn(QueueUrl)}-none`,
      maxReceiveCount: 1,
    });
    const error = await errorOf(
      target.client.send(
        new SetQueueAttributesCommand({ QueueUrl, Attributes: { RedrivePolicy } }),
      ),
    );
    expect(error).toMatchObject({ Code: 'InvalidParameterValue' });
  });

  it('brings dead letters back to where they came from', async () => {
    const { sourceUrl, deadLetterUrl } = await queueWithDeadLetters(1);
    const bodies = ['one', 'two', 'three'];
    await Promise.all(bodies.map((body) => bench.send(sourceUrl, body)));
    const drained = async () => await bench.receive(sourceUrl, { MaxNumberOfMessages: 10 });
    await eventually(drained, (messages) => messages.length === 0);
    const SourceArn = await bench.arn(deadLetterUrl);
    const { TaskHandle } = await target.client.send(new StartMessageMoveTaskCommand({ SourceArn }));
    expect(TaskHandle).toBeTruthy();
    const state = async () => {
      const { Results } = await target.client.send(new ListMessageMoveTasksCommand({ SourceArn }));
      return Results?.[0];
    };
    expect(await eventually(state, (task) => task?.Status === 'COMPLETED')).toMatchObject({
      SourceArn,
      Status: 'COMPLETED',
      ApproximateNumberOfMessagesMoved: 3,
    });
    expect(await bench.receive(deadLetterUrl)).toEqual([]);
    const back = await bench.receive(sourceUrl, { MaxNumberOfMessages: 10 });
    expect(back.map(({ Body }) => Body).sort()).toEqual([...bodies].sort());
    expect(back.map(({ Attributes }) => Attributes?.ApproximateReceiveCount)).toEqual([
      '1',
      '1',
      '1',
    ]);
  });

  it('moves nothing out of a queue that is no dead-letter queue', async () => {
    const SourceArn = await bench.arn(await bench.create());
    const error = await errorOf(target.client.send(new StartMessageMoveTaskCommand({ SourceArn })));
    expect(error).toMatchObject({ Code: 'InvalidParameterValue' });
  });
});
