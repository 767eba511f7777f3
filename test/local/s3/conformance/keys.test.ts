import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
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

const oddKeys = [
  'with space',
  'with+plus',
  'with%percent',
  'with%20escape',
  'with?question=mark&and=more',
  'with#hash',
  'with\'quote"s',
  'with&amp;entity',
  'with\\backslash',
  'with:colon;semicolon,comma',
  '@at=equals$dollar!bang*star(paren)',
  '[brackets]{braces}|pipe^caret`tick~tilde',
  'ünïcödé',
  'カタカナ',
  '😀 emoji',
  'e\u0301 decomposed',
  '\u00e9 composed',
  'dir/',
  'dir',
  'dir/file',
  'dir//double',
  'dir/file/below-a-file',
  ' leading space',
  'trailing space ',
  '.hidden',
  'a'.repeat(1024),
  '界'.repeat(341),
];

test('odd keys are each an object of their own, and listings give them as they are', async () => {
  const Bucket = await endpoint.createBucket();
  for (const Key of oddKeys) await client.send(new PutObjectCommand({ Bucket, Key, Body: Key }));
  for (const Key of oddKeys) {
    const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));
    expect(await Body?.transformToString()).toBe(Key);
  }
  const plain = await client.send(new ListObjectsV2Command({ Bucket }));
  expect(new Set(plain.Contents?.map(({ Key }) => Key))).toEqual(new Set(oddKeys));
  const encoded = await client.send(new ListObjectsV2Command({ Bucket, EncodingType: 'url' }));
  const decoded = encoded.Contents?.map(({ Key = '' }) =>
    decodeURIComponent(Key.replaceAll('+', ' ')),
  );
  expect(new Set(decoded)).toEqual(new Set(oddKeys));
  for (const Key of oddKeys) await client.send(new DeleteObjectCommand({ Bucket, Key }));
  expect((await client.send(new ListObjectsV2Command({ Bucket }))).KeyCount).toBe(0);
});

test('a key of more than 1,024 bytes is refused', async () => {
  const Bucket = await endpoint.createBucket();
  for (const Key of ['a'.repeat(1025), '界'.repeat(342)]) {
    const put = client.send(new PutObjectCommand({ Bucket, Key, Body: 'x' }));
    await expectS3Error(put, 'KeyTooLongError', 400);
  }
});

test('a key that looks like a path out of the bucket stays in the bucket', async () => {
  const Bucket = await endpoint.createBucket();
  const keys = ['../../../etc/passwd', 'a/../../b', './dot', '..', 'a/./b', '/leading/slash'];
  for (const Key of keys) await client.send(new PutObjectCommand({ Bucket, Key, Body: Key }));
  const { Contents } = await client.send(new ListObjectsV2Command({ Bucket }));
  expect(new Set(Contents?.map(({ Key }) => Key))).toEqual(new Set(keys));
  for (const Key of keys) {
    expect((await client.send(new HeadObjectCommand({ Bucket, Key }))).ContentLength).toBe(
      Key.length,
    );
  }
});
