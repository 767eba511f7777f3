import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  GetBucketLocationCommand,
  GetBucketVersioningCommand,
  HeadBucketCommand,
  ListBucketsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectS3Error, openS3Endpoint, type S3Endpoint } from '../../../support/s3-endpoint.ts';

let endpoint: S3Endpoint;
let client: S3Client;

beforeAll(async () => {
  endpoint = await openS3Endpoint();
  client = endpoint.client;
});
afterAll(() => endpoint.close());

test('a bucket that was created is listed, found and located', async () => {
  const Bucket = await endpoint.createBucket();
  const { Buckets } = await client.send(new ListBucketsCommand({}));
  expect(Buckets?.find(({ Name }) => Name === Bucket)?.CreationDate).toBeInstanceOf(Date);
  await client.send(new HeadBucketCommand({ Bucket }));
  const location = await client.send(new GetBucketLocationCommand({ Bucket }));
  expect([undefined, process.env['AWS_REGION']]).toContain(location.LocationConstraint);
});

test('a bucket that is not there is NotFound for HEAD and NoSuchBucket for the rest', async () => {
  const Bucket = `${await endpoint.createBucket()}-absent`;
  await expectS3Error(client.send(new HeadBucketCommand({ Bucket })), 'NotFound', 404);
  await expectS3Error(client.send(new GetBucketLocationCommand({ Bucket })), 'NoSuchBucket', 404);
  await expectS3Error(client.send(new DeleteBucketCommand({ Bucket })), 'NoSuchBucket', 404);
});

test('a bucket is deleted only when nothing is in it', async () => {
  const Bucket = await endpoint.createBucket();
  const address = { Bucket, Key: 'x' };
  await client.send(new PutObjectCommand({ ...address, Body: 'x' }));
  await expectS3Error(client.send(new DeleteBucketCommand({ Bucket })), 'BucketNotEmpty', 409);
  await client.send(new DeleteObjectCommand(address));
  await client.send(new DeleteBucketCommand({ Bucket }));
  await expectS3Error(client.send(new HeadBucketCommand({ Bucket })), 'NotFound');
  // The endpoint removes the buckets of this file at the end.
  await client.send(new CreateBucketCommand({ Bucket }));
});

test('a name against the rules is refused', async () => {
  for (const Bucket of ['Upper-Case', 'under_score', 'a..b', '-dash-first', '192.168.0.1']) {
    await expectS3Error(client.send(new CreateBucketCommand({ Bucket })), 'InvalidBucketName', 400);
  }
});

test('versioning is off until it is switched on, and then enabled or suspended', async () => {
  const Bucket = await endpoint.createBucket();
  const status = async () => (await client.send(new GetBucketVersioningCommand({ Bucket }))).Status;
  expect(await status()).toBeUndefined();
  for (const Status of ['Enabled', 'Suspended', 'Enabled'] as const) {
    const VersioningConfiguration = { Status };
    await client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }));
    expect(await status()).toBe(Status);
  }
});
