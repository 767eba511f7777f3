import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectS3Error, openS3Endpoint, type S3Endpoint } from '../../../support/s3-endpoint.ts';

const MiB = 1024 * 1024;

let endpoint: S3Endpoint;
let client: S3Client;
let Bucket: string;

beforeAll(async () => {
  endpoint = await openS3Endpoint();
  client = endpoint.client;
  Bucket = await endpoint.createBucket();
});
afterAll(() => endpoint.close());

async function bytesOf(Key: string): Promise<Buffer> {
  const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));
  return Buffer.from((await Body?.transformToByteArray()) ?? []);
}

describe('a part copied from an object', () => {
  const source = randomBytes(6 * MiB);
  const Key = 'copied-parts';

  beforeAll(async () => {
    await client.send(new PutObjectCommand({ Bucket, Key: 'copy/so urce', Body: source }));
  });

  async function begin(): Promise<string> {
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key }));
    return UploadId ?? '';
  }

  async function copyPart(UploadId: string, PartNumber: number, CopySourceRange?: string) {
    const CopySource = `${Bucket}/copy/so%20urce`;
    const copied = await client.send(
      new UploadPartCopyCommand({ Bucket, Key, UploadId, PartNumber, CopySource, CopySourceRange }),
    );
    return { PartNumber, ETag: copied.CopyPartResult?.ETag };
  }

  test('whole and by range makes an object of both', async () => {
    const UploadId = await begin();
    const parts = [await copyPart(UploadId, 1), await copyPart(UploadId, 2, 'bytes=10-19')];
    const md5 = createHash('md5').update(source.subarray(10, 20)).digest('hex');
    expect(parts[1]?.ETag).toBe(`"${md5}"`);
    const MultipartUpload = { Parts: parts };
    await client.send(
      new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload }),
    );
    const expected = Buffer.concat([source, source.subarray(10, 20)]);
    expect((await bytesOf(Key)).equals(expected)).toBe(true);
  });

  test('with a range beyond its end is refused', async () => {
    const UploadId = await begin();
    await expectS3Error(copyPart(UploadId, 1, `bytes=0-${6 * MiB}`), 'InvalidArgument', 400);
  });
});

describe('lib-storage', () => {
  test('uploads a buffer of several parts at once', async () => {
    const Body = randomBytes(12 * MiB + 1);
    const Key = 'lib-storage/buffer';
    await new Upload({ client, params: { Bucket, Key, Body }, queueSize: 4 }).done();
    expect((await bytesOf(Key)).equals(Body)).toBe(true);
  });

  test('uploads a stream whose length nobody knows', async () => {
    const bytes = randomBytes(11 * MiB);
    const Body = Readable.from([bytes.subarray(0, 100), bytes.subarray(100)]);
    const Key = 'lib-storage/stream';
    await new Upload({ client, params: { Bucket, Key, Body } }).done();
    expect((await bytesOf(Key)).equals(bytes)).toBe(true);
  });

  test('puts a small body in one request', async () => {
    const Key = 'lib-storage/small';
    await new Upload({ client, params: { Bucket, Key, Body: Readable.from(['tiny']) } }).done();
    expect((await bytesOf(Key)).toString()).toBe('tiny');
  });
});
