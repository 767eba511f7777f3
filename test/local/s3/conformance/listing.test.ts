import {
  ListObjectsCommand,
  type ListObjectsCommandInput,
  ListObjectsV2Command,
  type ListObjectsV2CommandInput,
  PutObjectCommand,
  paginateListObjectsV2,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectS3Error, openS3Endpoint, type S3Endpoint } from '../../../support/s3-endpoint.ts';

let endpoint: S3Endpoint;
let client: S3Client;
let Bucket: string;

const keys = [
  'a/1',
  'a/2',
  'a/b/1',
  'a/b/2',
  'a/c/1',
  'a0',
  'b/1',
  'c',
  'c/d',
  'photos/2024/x.jpg',
  'photos/2025/y.jpg',
];

beforeAll(async () => {
  endpoint = await openS3Endpoint();
  client = endpoint.client;
  Bucket = await endpoint.createBucket();
  for (const Key of keys) await client.send(new PutObjectCommand({ Bucket, Key, Body: Key }));
});
afterAll(() => endpoint.close());

async function list(input: Partial<ListObjectsV2CommandInput> = {}) {
  const page = await client.send(new ListObjectsV2Command({ Bucket, ...input }));
  return {
    page,
    keys: (page.Contents ?? []).map(({ Key }) => Key),
    prefixes: (page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix),
  };
}

async function listV1(input: Partial<ListObjectsCommandInput> = {}) {
  const page = await client.send(new ListObjectsCommand({ Bucket, ...input }));
  return {
    page,
    keys: (page.Contents ?? []).map(({ Key }) => Key),
    prefixes: (page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix),
  };
}

describe('ListObjectsV2', () => {
  test('gives every key in order, with what describes it', async () => {
    const { page, keys: found } = await list();
    expect(found).toEqual(keys);
    expect(page).toMatchObject({
      Name: Bucket,
      KeyCount: keys.length,
      MaxKeys: 1000,
      IsTruncated: false,
    });
    expect(page.NextContinuationToken).toBeUndefined();
    expect(page.Contents?.[0]).toMatchObject({ Size: 3, StorageClass: 'STANDARD' });
    expect(page.Contents?.[0]?.ETag).toMatch(/^"[0-9a-f]{32}"$/);
    expect(page.Contents?.[0]?.LastModified).toBeInstanceOf(Date);
    expect(page.Contents?.[0]?.Owner).toBeUndefined();
  });

  test('names the owner when asked', async () => {
    const { page } = await list({ FetchOwner: true });
    expect(page.Contents?.[0]?.Owner?.ID).toBeDefined();
  });

  test('keeps to a prefix', async () => {
    expect((await list({ Prefix: 'a/b/' })).keys).toEqual(['a/b/1', 'a/b/2']);
    expect((await list({ Prefix: 'c' })).keys).toEqual(['c', 'c/d']);
    expect((await list({ Prefix: 'absent' })).keys).toEqual([]);
  });

  test('rolls keys up at a delimiter', async () => {
    const top = await list({ Delimiter: '/' });
    expect(top.keys).toEqual(['a0', 'c']);
    expect(top.prefixes).toEqual(['a/', 'b/', 'c/', 'photos/']);
    expect(top.page.KeyCount).toBe(6);
    const below = await list({ Delimiter: '/', Prefix: 'a/' });
    expect(below.keys).toEqual(['a/1', 'a/2']);
    expect(below.prefixes).toEqual(['a/b/', 'a/c/']);
  });

  test('takes delimiters of other characters and of several', async () => {
    expect((await list({ Delimiter: 'b' })).prefixes).toEqual(['a/b', 'b']);
    expect((await list({ Delimiter: '/20', Prefix: 'photos' })).prefixes).toEqual(['photos/20']);
  });

  test('starts after a key, which need not be there', async () => {
    expect((await list({ StartAfter: 'c' })).keys).toEqual(keys.slice(8));
    expect((await list({ StartAfter: 'b/0' })).keys).toEqual(keys.slice(6));
    expect((await list({ StartAfter: 'zzz' })).keys).toEqual([]);
  });

  test.each([1, 2, 3, 10, 11])('pages of %i cover every key once', async (pageSize) => {
    const found: (string | undefined)[] = [];
    for await (const page of paginateListObjectsV2({ client, pageSize }, { Bucket })) {
      expect(page.Contents?.length).toBeLessThanOrEqual(pageSize);
      expect(page.KeyCount).toBe(page.Contents?.length);
      found.push(...(page.Contents ?? []).map(({ Key }) => Key));
    }
    expect(found).toEqual(keys);
  });

  test.each([1, 2, 5])('pages of %i cover keys and common prefixes once', async (pageSize) => {
    const found: (string | undefined)[] = [];
    const input = { Bucket, Delimiter: '/' };
    for await (const page of paginateListObjectsV2({ client, pageSize }, input)) {
      found.push(...(page.Contents ?? []).map(({ Key }) => Key));
      found.push(...(page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix));
    }
    expect(found.toSorted()).toEqual(['a/', 'a0', 'b/', 'c', 'c/', 'photos/']);
  });

  test('a token stays good when its key is deleted or others come', async () => {
    const own = await endpoint.createBucket();
    const put = (Key: string) => client.send(new PutObjectCommand({ Bucket: own, Key, Body: 'x' }));
    for (const Key of ['1', '2', '3']) await put(Key);
    const first = await list({ Bucket: own, MaxKeys: 1 });
    expect(first.keys).toEqual(['1']);
    await put('0');
    await put('1a');
    const ContinuationToken = first.page.NextContinuationToken;
    expect((await list({ Bucket: own, ContinuationToken })).keys).toEqual(['1a', '2', '3']);
  });

  test('of no keys at all is whole', async () => {
    const { page, keys: found } = await list({ MaxKeys: 0 });
    expect(found).toEqual([]);
    expect(page).toMatchObject({ KeyCount: 0, IsTruncated: false });
  });

  test('refuses a token that it did not give', async () => {
    await expectS3Error(list({ ContinuationToken: '*' }), 'InvalidArgument', 400);
  });

  test('encodes names when asked', async () => {
    const own = await endpoint.createBucket();
    await client.send(new PutObjectCommand({ Bucket: own, Key: 'ü x/+&', Body: 'x' }));
    const { page } = await list({ Bucket: own, EncodingType: 'url', Prefix: 'ü ' });
    expect(page.EncodingType).toBe('url');
    expect(page.Contents?.[0]?.Key).toMatch(/^%C3%BC(\+|%20)x(\/|%2F)%2B%26$/);
    expect(page.Prefix).toMatch(/^%C3%BC(\+|%20)$/);
  });

  test('orders keys by their UTF-8 bytes', async () => {
    const own = await endpoint.createBucket();
    // In UTF-16, the last one would stand before the one at U+FF5E.
    const ordered = ['A', 'Z', '_', 'a', 'z', '\u007e', 'é', '日本', '\uff5e', '😀'];
    for (const Key of ordered.toReversed()) {
      await client.send(new PutObjectCommand({ Bucket: own, Key, Body: 'x' }));
    }
    expect((await list({ Bucket: own })).keys).toEqual(ordered);
  });
});

describe('ListObjects, the first version', () => {
  test('gives every key, with its owner', async () => {
    const { page, keys: found } = await listV1();
    expect(found).toEqual(keys);
    expect(page.Contents?.[0]?.Owner?.ID).toBeDefined();
    expect(page.NextMarker).toBeUndefined();
  });

  test('goes on after a marker', async () => {
    const first = await listV1({ MaxKeys: 4 });
    expect(first.page.IsTruncated).toBe(true);
    const second = await listV1({ Marker: first.keys.at(-1) });
    expect([...first.keys, ...second.keys]).toEqual(keys);
  });

  test('names the next marker where there is a delimiter, and goes on past a common prefix', async () => {
    const first = await listV1({ Delimiter: '/', MaxKeys: 1 });
    expect(first.prefixes).toEqual(['a/']);
    expect(first.page.NextMarker).toBe('a/');
    const second = await listV1({ Delimiter: '/', Marker: 'a/' });
    expect(second.keys).toEqual(['a0', 'c']);
    expect(second.prefixes).toEqual(['b/', 'c/', 'photos/']);
  });
});
