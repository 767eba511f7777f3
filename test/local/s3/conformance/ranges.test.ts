import {
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectS3Error, openS3Endpoint, type S3Endpoint } from '../../../support/s3-endpoint.ts';

let endpoint: S3Endpoint;
let client: S3Client;
let Bucket: string;

const Key = 'digits';
const content = '0123456789';

beforeAll(async () => {
  endpoint = await openS3Endpoint();
  client = endpoint.client;
  Bucket = await endpoint.createBucket();
  await client.send(new PutObjectCommand({ Bucket, Key, Body: content }));
  await client.send(new PutObjectCommand({ Bucket, Key: 'empty', Body: '' }));
});
afterAll(() => endpoint.close());

test.each([
  ['bytes=0-3', '0123', 'bytes 0-3/10'],
  ['bytes=4-4', '4', 'bytes 4-4/10'],
  ['bytes=7-', '789', 'bytes 7-9/10'],
  ['bytes=5-99', '56789', 'bytes 5-9/10'],
  ['bytes=-3', '789', 'bytes 7-9/10'],
  ['bytes=-99', content, 'bytes 0-9/10'],
  ['bytes=0-', content, 'bytes 0-9/10'],
])('the range %s is %s', async (Range, expected, contentRange) => {
  const got = await client.send(new GetObjectCommand({ Bucket, Key, Range }));
  expect(await got.Body?.transformToString()).toBe(expected);
  expect(got).toMatchObject({
    ContentRange: contentRange,
    ContentLength: expected.length,
    $metadata: { httpStatusCode: 206 },
  });
  const head = await client.send(new HeadObjectCommand({ Bucket, Key, Range }));
  expect(head).toMatchObject({
    ContentRange: contentRange,
    ContentLength: expected.length,
    $metadata: { httpStatusCode: 206 },
  });
});

test.each(['bytes=10-', 'bytes=10-12', 'bytes=999-', 'bytes=-0'])(
  'the range %s holds no byte of the object',
  async (Range) => {
    const get = client.send(new GetObjectCommand({ Bucket, Key, Range }));
    await expectS3Error(get, 'InvalidRange', 416);
  },
);

test('an empty object has no range', async () => {
  const get = client.send(new GetObjectCommand({ Bucket, Key: 'empty', Range: 'bytes=0-' }));
  await expectS3Error(get, 'InvalidRange', 416);
});

test.each(['bytes=5-2', 'bytes=', 'bytes=a-b', 'lines=0-1'])(
  'the header %s is no range and is not looked at',
  async (Range) => {
    const got = await client.send(new GetObjectCommand({ Bucket, Key, Range }));
    expect(await got.Body?.transformToString()).toBe(content);
    expect(got.$metadata.httpStatusCode).toBe(200);
  },
);
