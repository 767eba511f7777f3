import { randomBytes } from 'node:crypto';
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectS3Error, openS3Endpoint, type S3Endpoint } from '../../../support/s3-endpoint.ts';

let endpoint: S3Endpoint;
let client: S3Client;
let Bucket: string;

const wrongETag = `"${'0'.repeat(32)}"`;
const past = new Date('2020-01-01T00:00:00Z');
const future = () => new Date(Date.now() + 3600_000);

beforeAll(async () => {
  endpoint = await openS3Endpoint();
  client = endpoint.client;
  Bucket = await endpoint.createBucket();
});
afterAll(() => endpoint.close());

async function put(Key: string, Body: string, more = {}): Promise<string> {
  const { ETag } = await client.send(new PutObjectCommand({ Bucket, Key, Body, ...more }));
  return ETag ?? '';
}

async function textOf(Key: string): Promise<string | undefined> {
  return (await client.send(new GetObjectCommand({ Bucket, Key }))).Body?.transformToString();
}

async function statusOf(call: Promise<{ $metadata: { httpStatusCode?: number } }>) {
  try {
    return (await call).$metadata.httpStatusCode;
  } catch (error) {
    return (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
  }
}

describe('a conditional read', () => {
  const Key = 'read';
  let ETag: string;
  beforeAll(async () => {
    ETag = await put(Key, 'x');
  });

  test.each([
    ['If-Match with its ETag', () => ({ IfMatch: ETag }), 200],
    ['If-Match with another', () => ({ IfMatch: wrongETag }), 412],
    ['If-None-Match with its ETag', () => ({ IfNoneMatch: ETag }), 304],
    ['If-None-Match with another', () => ({ IfNoneMatch: wrongETag }), 200],
    ['If-Modified-Since before it', () => ({ IfModifiedSince: past }), 200],
    ['If-Modified-Since after it', () => ({ IfModifiedSince: future() }), 304],
    ['If-Unmodified-Since before it', () => ({ IfUnmodifiedSince: past }), 412],
    ['If-Unmodified-Since after it', () => ({ IfUnmodifiedSince: future() }), 200],
    [
      'If-Match that holds beside If-Unmodified-Since that does not',
      () => ({ IfMatch: ETag, IfUnmodifiedSince: past }),
      200,
    ],
    [
      'If-None-Match that holds beside If-Modified-Since that does not',
      () => ({ IfNoneMatch: ETag, IfModifiedSince: past }),
      304,
    ],
  ])('%s', async (_, conditions, status) => {
    expect(
      await statusOf(client.send(new GetObjectCommand({ Bucket, Key, ...conditions() }))),
    ).toBe(status);
    expect(
      await statusOf(client.send(new HeadObjectCommand({ Bucket, Key, ...conditions() }))),
    ).toBe(status);
  });
});

describe('a conditional PUT', () => {
  test('with If-None-Match: * writes only where there is nothing', async () => {
    await put('new', 'first', { IfNoneMatch: '*' });
    await expectS3Error(put('new', 'second', { IfNoneMatch: '*' }), 'PreconditionFailed', 412);
    expect(await textOf('new')).toBe('first');
    await client.send(new DeleteObjectCommand({ Bucket, Key: 'new' }));
    await put('new', 'third', { IfNoneMatch: '*' });
    expect(await textOf('new')).toBe('third');
  });

  test('with If-Match writes only over the ETag it names', async () => {
    const first = await put('swap', 'first');
    await expectS3Error(put('swap', 'x', { IfMatch: wrongETag }), 'PreconditionFailed', 412);
    await put('swap', 'second', { IfMatch: first });
    await expectS3Error(put('swap', 'x', { IfMatch: first }), 'PreconditionFailed', 412);
    expect(await textOf('swap')).toBe('second');
  });

  test('with If-Match where there is no object is NoSuchKey', async () => {
    await expectS3Error(put('swap-absent', 'x', { IfMatch: wrongETag }), 'NoSuchKey', 404);
  });

  test('lets exactly one of many concurrent writers win', async () => {
    for (let round = 0; round < 5; round += 1) {
      const Key = `race/${round}`;
      const bodies = Array.from({ length: 20 }, (_, index) => `${index}`.repeat(1000));
      const outcomes = await Promise.allSettled(
        bodies.map((Body) => put(Key, Body, { IfNoneMatch: '*' })),
      );
      const winners = bodies.filter((_, index) => outcomes[index]?.status === 'fulfilled');
      expect(winners).toEqual([await textOf(Key)]);
    }
  });

  test('lets exactly one of many swap one ETag for another', async () => {
    const Key = 'race/swap';
    const IfMatch = await put(Key, 'start');
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) => put(Key, `swap ${index}`, { IfMatch })),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });
});

describe('a conditional completion of an upload', () => {
  async function completeUpload(Key: string, more: object): Promise<unknown> {
    const address = { Bucket, Key };
    const { UploadId } = await client.send(new CreateMultipartUploadCommand(address));
    const part = new UploadPartCommand({
      ...address,
      UploadId,
      PartNumber: 1,
      Body: randomBytes(9),
    });
    const { ETag } = await client.send(part);
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
    return client.send(
      new CompleteMultipartUploadCommand({ ...address, UploadId, MultipartUpload, ...more }),
    );
  }

  test('with If-None-Match: * fails where there is an object', async () => {
    const Key = 'upload-new';
    await completeUpload(Key, { IfNoneMatch: '*' });
    await expectS3Error(completeUpload(Key, { IfNoneMatch: '*' }), 'PreconditionFailed', 412);
  });

  test('with If-Match fails over another ETag', async () => {
    const Key = 'upload-swap';
    const IfMatch = await put(Key, 'first');
    await expectS3Error(completeUpload(Key, { IfMatch: wrongETag }), 'PreconditionFailed', 412);
    await completeUpload(Key, { IfMatch });
  });
});

describe('a conditional copy', () => {
  test('with If-None-Match: * writes only where there is nothing', async () => {
    await put('copy-source', 'x');
    const copy = () =>
      client.send(
        new CopyObjectCommand({
          Bucket,
          Key: 'copy-new',
          CopySource: `${Bucket}/copy-source`,
          IfNoneMatch: '*',
        }),
      );
    await copy();
    await expectS3Error(copy(), 'PreconditionFailed', 412);
  });
});

describe('a conditional delete', () => {
  test('with If-Match deletes only the ETag it names', async () => {
    const Key = 'conditional-delete';
    const IfMatch = await put(Key, 'x');
    const remove = (etag: string) =>
      client.send(new DeleteObjectCommand({ Bucket, Key, IfMatch: etag }));
    await expectS3Error(remove(wrongETag), 'PreconditionFailed', 412);
    expect(await textOf(Key)).toBe('x');
    await remove(IfMatch);
    await expectS3Error(textOf(Key), 'NoSuchKey');
  });

  test('of many keys reports the one whose ETag is another', async () => {
    await put('delete-a', 'x');
    const ETag = await put('delete-b', 'x');
    const Objects = [
      { Key: 'delete-a', ETag: wrongETag },
      { Key: 'delete-b', ETag },
    ];
    const result = await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
    expect(result.Deleted).toMatchObject([{ Key: 'delete-b' }]);
    expect(result.Errors).toMatchObject([{ Key: 'delete-a', Code: 'PreconditionFailed' }]);
  });
});
