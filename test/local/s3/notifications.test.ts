import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterEach, describe, expect, test } from 'vitest';
import type { S3NotificationOptions } from '../../../local/s3/server.ts';
import { decodeNotificationKey } from '../../../src/contract/keys.ts';
import { startTestS3, type TestS3 } from '../../support/s3-server.ts';

let s3: TestS3;
afterEach(() => s3.close());

const Bucket = 'watched';
const buckets = [{ name: Bucket }];

interface Message {
  readonly Event?: string;
  readonly Bucket?: string;
  readonly Records?: readonly {
    readonly eventName: string;
    readonly s3: {
      readonly configurationId: string;
      readonly object: {
        readonly key: string;
        readonly size?: number;
        readonly eTag?: string;
        readonly versionId?: string;
        readonly sequencer: string;
      };
    };
  }[];
}

/** A queue that keeps what it is given, and can refuse. */
function queue() {
  const messages: Message[] = [];
  const state = { refusals: 0, refusing: false };
  return {
    messages,
    state,
    /** Events of objects, without the test event. */
    get records() {
      return messages.flatMap(({ Records = [] }) => Records);
    },
    deliver: async (message: string): Promise<void> => {
      if (state.refusing) {
        state.refusals += 1;
        throw new Error('the queue is away');
      }
      messages.push(JSON.parse(message) as Message);
    },
  };
}

function watch(
  target: ReturnType<typeof queue>,
  more: Partial<S3NotificationOptions> = {},
): S3NotificationOptions {
  const { deliver } = target;
  return { id: 'all', bucket: Bucket, events: ['s3:ObjectCreated:*'], deliver, ...more };
}

async function put(Key: string, Body = 'x') {
  return s3.client.send(new PutObjectCommand({ Bucket, Key, Body }));
}

describe('a notification', () => {
  test('tells of a new object in the form that S3 has', async () => {
    const target = queue();
    s3 = await startTestS3({ buckets, notifications: [watch(target)] });
    const { ETag } = await put('in/a b+c/ü.json', 'hello');
    await expect.poll(() => target.records).toHaveLength(1);
    expect(target.records[0]).toMatchObject({
      eventVersion: '2.1',
      eventSource: 'aws:s3',
      awsRegion: 'us-east-1',
      eventName: 'ObjectCreated:Put',
      s3: {
        s3SchemaVersion: '1.0',
        configurationId: 'all',
        bucket: { name: Bucket, arn: `arn:aws:s3:::${Bucket}` },
        object: { key: 'in/a+b%2Bc/%C3%BC.json', size: 5, eTag: ETag?.replaceAll('"', '') },
      },
    });
    expect(decodeNotificationKey(target.records[0]?.s3.object.key ?? '')).toBe('in/a b+c/ü.json');
    expect(target.records[0]?.s3.object).not.toHaveProperty('versionId');
  });

  test('is announced by one test message, on a fresh folder only', async () => {
    const target = queue();
    const options = { buckets, notifications: [watch(target)] };
    s3 = await startTestS3(options);
    await expect.poll(() => target.messages).toHaveLength(1);
    expect(target.messages[0]).toMatchObject({ Event: 's3:TestEvent', Bucket });
    await s3.restart();
    await put('x');
    await expect.poll(() => target.records).toHaveLength(1);
    expect(target.messages).toHaveLength(2);
  });

  test('is sent for the keys and the events that it is about', async () => {
    const [inputs, removals, copies] = [queue(), queue(), queue()];
    s3 = await startTestS3({
      buckets: [...buckets, { name: 'other' }],
      notifications: [
        watch(inputs, { id: 'inputs', prefix: 'in/', suffix: '.csv' }),
        watch(removals, { id: 'removals', events: ['s3:ObjectRemoved:*'] }),
        watch(copies, { id: 'copies', events: ['s3:ObjectCreated:Copy'] }),
      ],
    });
    for (const Key of ['in/yes.csv', 'in/no.txt', 'out/no.csv', 'in.csv']) await put(Key);
    await s3.client.send(new PutObjectCommand({ Bucket: 'other', Key: 'in/no.csv', Body: 'x' }));
    const CopySource = `${Bucket}/in/yes.csv`;
    await s3.client.send(new CopyObjectCommand({ Bucket, Key: 'in/copy.csv', CopySource }));
    await s3.client.send(new DeleteObjectCommand({ Bucket, Key: 'in/yes.csv' }));
    await s3.client.send(new DeleteObjectCommand({ Bucket, Key: 'was/not/there' }));
    const keysOf = ({ records }: ReturnType<typeof queue>) =>
      records.map(({ eventName, s3: { object } }) => `${eventName} ${object.key}`).toSorted();
    await expect.poll(() => keysOf(removals)).toEqual(['ObjectRemoved:Delete in/yes.csv']);
    expect(keysOf(copies)).toEqual(['ObjectCreated:Copy in/copy.csv']);
    expect(keysOf(inputs)).toEqual([
      'ObjectCreated:Copy in/copy.csv',
      'ObjectCreated:Put in/yes.csv',
    ]);
  });

  test('of an upload in parts is sent once, when it is complete', async () => {
    const target = queue();
    s3 = await startTestS3({ buckets, notifications: [watch(target)] });
    const address = { Bucket, Key: 'parts' };
    const { UploadId } = await s3.client.send(new CreateMultipartUploadCommand(address));
    const part = { ...address, UploadId, PartNumber: 1, Body: 'abc' };
    const { ETag } = await s3.client.send(new UploadPartCommand(part));
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
    const complete = new CompleteMultipartUploadCommand({ ...address, UploadId, MultipartUpload });
    await s3.client.send(complete);
    await s3.client.send(complete);
    await put('after');
    await expect
      .poll(() => target.records.map((each) => each.eventName).toSorted())
      .toEqual(['ObjectCreated:CompleteMultipartUpload', 'ObjectCreated:Put']);
    expect(target.records.map(({ s3: { object } }) => object.size).toSorted()).toEqual([1, 3]);
  });

  test('names the version, and orders the events of a key by their sequencer', async () => {
    const target = queue();
    const notifications = [watch(target, { events: ['s3:ObjectCreated:*', 's3:ObjectRemoved:*'] })];
    s3 = await startTestS3({ buckets: [{ name: Bucket, versioned: true }], notifications });
    const versions = [(await put('k', '1')).VersionId, (await put('k', '2')).VersionId];
    const marker = await s3.client.send(new DeleteObjectCommand({ Bucket, Key: 'k' }));
    await s3.restart();
    versions.push(marker.VersionId, (await put('k', '3')).VersionId);
    await expect.poll(() => target.records).toHaveLength(4);
    const ordered = target.records.toSorted((a, b) =>
      a.s3.object.sequencer < b.s3.object.sequencer ? -1 : 1,
    );
    expect(ordered.map(({ s3: { object } }) => object.versionId)).toEqual(versions);
    expect(ordered[2]?.eventName).toBe('ObjectRemoved:DeleteMarkerCreated');
  });

  test('is tried again until the queue takes it', async () => {
    const target = queue();
    target.state.refusing = true;
    s3 = await startTestS3({ buckets, notifications: [watch(target)] });
    await put('kept');
    await expect.poll(() => target.state.refusals).toBeGreaterThanOrEqual(4);
    expect(s3.problems[0]).toContain('notification all was not delivered');
    target.state.refusing = false;
    await expect.poll(() => target.records).toHaveLength(1);
  });

  test('that was not delivered comes after a restart', async () => {
    const target = queue();
    target.state.refusing = true;
    s3 = await startTestS3({ buckets, notifications: [watch(target)] });
    for (const Key of ['1', '2', '3']) await put(Key);
    await s3.restart();
    expect(target.records).toEqual([]);
    target.state.refusing = false;
    await expect
      .poll(() => target.records.map(({ s3: { object } }) => object.key).toSorted())
      .toEqual(['1', '2', '3']);
    await s3.restart();
    await put('4');
    await expect.poll(() => target.records).toHaveLength(4);
  });

  test('that is not configured any more is forgotten', async () => {
    const target = queue();
    target.state.refusing = true;
    s3 = await startTestS3({ buckets, notifications: [watch(target)] });
    await put('x');
    await s3.restart({ buckets });
    target.state.refusing = false;
    await s3.restart({ buckets, notifications: [watch(target)] });
    await put('y');
    await expect.poll(() => target.records.map(({ s3: { object } }) => object.key)).toEqual(['y']);
  });

  test('does not hold up a server that closes while the queue hangs', async () => {
    const deliver = () => new Promise<void>(() => undefined);
    s3 = await startTestS3({ buckets, notifications: [{ ...watch(queue()), deliver }] });
    await put('x');
    const target = queue();
    await s3.restart({ buckets, notifications: [watch(target)] });
    await expect.poll(() => target.records).toHaveLength(1);
  });
});
