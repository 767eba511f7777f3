import { randomUUID } from 'node:crypto';
import {
  CreateQueueCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ListQueuesCommand,
  ListQueueTagsCommand,
  PurgeQueueCommand,
  QueueDoesNotExist,
  QueueNameExists,
  SendMessageCommand,
  SetQueueAttributesCommand,
  TagQueueCommand,
  UntagQueueCommand,
} from '@aws-sdk/client-sqs';
import { afterAll, describe, expect, it } from 'vitest';
import { conformanceTarget, errorOf, nameOf } from './harness.ts';

const target = await conformanceTarget();
const { bench } = target;
afterAll(() => target.dispose());

describe.concurrent('queues', () => {
  it('have a URL that ends in account and name', async () => {
    const url = await bench.create();
    expect(new URL(url).pathname).toMatch(/^\/\d{12}\/conformance-[\w-]+$/);
    const found = await target.client.send(new GetQueueUrlCommand({ QueueName: nameOf(url) }));
    expect(found.QueueUrl).toBe(url);
  });

  it('are created again without harm when the attributes are the same', async () => {
    const url = await bench.create({ VisibilityTimeout: '7' });
    const again = await target.client.send(
      new CreateQueueCommand({ QueueName: nameOf(url), Attributes: { VisibilityTimeout: '7' } }),
    );
    expect(again.QueueUrl).toBe(url);
  });

  it('are not created again with other attributes', async () => {
    const url = await bench.create({ VisibilityTimeout: '7' });
    const error = await errorOf(
      target.client.send(
        new CreateQueueCommand({ QueueName: nameOf(url), Attributes: { VisibilityTimeout: '8' } }),
      ),
    );
    expect(error).toBeInstanceOf(QueueNameExists);
    expect(error.message).toContain('VisibilityTimeout');
  });

  it('are not created with a name that has other characters than letters, digits, - and _', async () => {
    const error = await errorOf(
      target.client.send(new CreateQueueCommand({ QueueName: 'not a name' })),
    );
    expect(error).toMatchObject({ Code: 'InvalidParameterValue', $fault: 'client' });
  });

  it('are listed by prefix, page by page', async () => {
    const prefix = `list-${randomUUID().slice(0, 8)}`;
    const urls = await Promise.all([1, 2, 3].map(() => bench.create({}, prefix)));
    const list = async (NextToken?: string) =>
      await target.client.send(
        new ListQueuesCommand({
          QueueNamePrefix: prefix,
          MaxResults: 2,
          ...(NextToken === undefined ? {} : { NextToken }),
        }),
      );
    const first = await list();
    expect(first.QueueUrls).toHaveLength(2);
    const second = await list(first.NextToken);
    expect(second.NextToken).toBeUndefined();
    expect([...(first.QueueUrls ?? []), ...(second.QueueUrls ?? [])].sort()).toEqual(urls.sort());
  });

  it('that do not exist are named so, by every way to ask', async () => {
    const QueueUrl = (await bench.create()).replace(/[^/]+$/, `none-${randomUUID()}`);
    const errors = await Promise.all([
      errorOf(target.client.send(new GetQueueUrlCommand({ QueueName: nameOf(QueueUrl) }))),
      errorOf(target.client.send(new SendMessageCommand({ QueueUrl, MessageBody: 'x' }))),
      errorOf(bench.receive(QueueUrl)),
    ]);
    for (const error of errors) {
      expect(error).toBeInstanceOf(QueueDoesNotExist);
      expect(error.$metadata.httpStatusCode).toBe(400);
      expect(error).toMatchObject({ Code: 'AWS.SimpleQueueService.NonExistentQueue' });
    }
  });

  it('have the default attributes of SQS', async () => {
    const QueueUrl = await bench.create();
    const { Attributes } = await target.client.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }),
    );
    expect(Attributes).toMatchObject({
      QueueArn: expect.stringMatching(`^arn:aws:sqs:[^:]+:\\d{12}:${nameOf(QueueUrl)}$`),
      VisibilityTimeout: '30',
      DelaySeconds: '0',
      MessageRetentionPeriod: '345600',
      ReceiveMessageWaitTimeSeconds: '0',
      ApproximateNumberOfMessages: '0',
      ApproximateNumberOfMessagesNotVisible: '0',
      ApproximateNumberOfMessagesDelayed: '0',
      CreatedTimestamp: expect.stringMatching(/^\d{10}$/),
    });
  });

  it('change their attributes', async () => {
    const QueueUrl = await bench.create();
    await target.client.send(
      new SetQueueAttributesCommand({ QueueUrl, Attributes: { VisibilityTimeout: '11' } }),
    );
    expect(await bench.attribute(QueueUrl, 'VisibilityTimeout')).toBe('11');
  });

  it('refuse attributes that are unknown or out of range', async () => {
    const QueueUrl = await bench.create();
    const errors = await Promise.all(
      [{ NoSuchAttribute: '1' }, { VisibilityTimeout: '43201' }].map((attributes) =>
        errorOf(
          target.client.send(
            new SetQueueAttributesCommand({ QueueUrl, Attributes: attributes as object }),
          ),
        ),
      ),
    );
    expect(errors.map(({ name }) => name)).toEqual([
      'InvalidAttributeName',
      'InvalidAttributeValue',
    ]);
  });

  it('are empty after a purge', async () => {
    const QueueUrl = await bench.create();
    await Promise.all([1, 2, 3].map((n) => bench.send(QueueUrl, `message ${n}`)));
    await bench.receive(QueueUrl);
    await target.client.send(new PurgeQueueCommand({ QueueUrl }));
    expect(await bench.receive(QueueUrl)).toEqual([]);
    expect(await bench.attribute(QueueUrl, 'ApproximateNumberOfMessagesNotVisible')).toBe('0');
  });

  it('are gone after they are deleted', async () => {
    const QueueUrl = await bench.create();
    await target.client.send(new DeleteQueueCommand({ QueueUrl }));
    expect(await errorOf(bench.receive(QueueUrl))).toBeInstanceOf(QueueDoesNotExist);
  });

  it('carry tags', async () => {
    const QueueUrl = await bench.create();
    await target.client.send(new TagQueueCommand({ QueueUrl, Tags: { team: 'a', cost: 'b' } }));
    await target.client.send(new UntagQueueCommand({ QueueUrl, TagKeys: ['cost'] }));
    const { Tags } = await target.client.send(new ListQueueTagsCommand({ QueueUrl }));
    expect(Tags).toEqual({ team: 'a' });
  });
});
