import { createHash, randomBytes } from 'node:crypto';
import {
  CopyObjectCommand,
  type CopyObjectCommandInput,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectS3Error, openS3Endpoint, type S3Endpoint } from '../../../support/s3-endpoint.ts';

const MiB = 1024 * 1024;

let endpoint: S3Endpoint;
let client: S3Client;
let Bucket: string;
let CopySource: string;
let sourceETag: string | undefined;

beforeAll(async () => {
  endpoint = await openS3Endpoint();
  client = endpoint.client;
  Bucket = await endpoint.createBucket();
  CopySource = `${Bucket}/source`;
  const put = new PutObjectCommand({
    Bucket,
    Key: 'source',
    Body: 'content',
    ContentType: 'text/plain',
    Metadata: { kept: 'yes' },
    Tagging: 'a=b',
  });
  sourceETag = (await client.send(put)).ETag;
});
afterAll(() => endpoint.close());

function copy(Key: string, more: Partial<CopyObjectCommandInput> = {}) {
  return client.send(new CopyObjectCommand({ Bucket, Key, CopySource, ...more }));
}

async function textOf(Key: string): Promise<string | undefined> {
  return (await client.send(new GetObjectCommand({ Bucket, Key }))).Body?.transformToString();
}

test('a copy has the bytes, the ETag, the metadata and the tags of its source', async () => {
  const { CopyObjectResult } = await copy('plain');
  expect(CopyObjectResult?.ETag).toBe(sourceETag);
  expect(CopyObjectResult?.LastModified).toBeInstanceOf(Date);
  expect(await textOf('plain')).toBe('content');
  const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'plain' }));
  expect(head).toMatchObject({ ContentType: 'text/plain', Metadata: { kept: 'yes' } });
  const { TagSet } = await client.send(new GetObjectTaggingCommand({ Bucket, Key: 'plain' }));
  expect(TagSet).toEqual([{ Key: 'a', Value: 'b' }]);
});

test('a copy may get metadata and tags of its own', async () => {
  await copy('replaced', {
    MetadataDirective: 'REPLACE',
    ContentType: 'text/csv',
    Metadata: { fresh: '1' },
    TaggingDirective: 'REPLACE',
    Tagging: 'c=d',
  });
  const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'replaced' }));
  expect(head.ContentType).toBe('text/csv');
  expect(head.Metadata).toEqual({ fresh: '1' });
  const { TagSet } = await client.send(new GetObjectTaggingCommand({ Bucket, Key: 'replaced' }));
  expect(TagSet).toEqual([{ Key: 'c', Value: 'd' }]);
});

test('a copy onto itself must change something', async () => {
  const own = { CopySource: `${Bucket}/itself` };
  await client.send(new PutObjectCommand({ Bucket, Key: 'itself', Body: 'x' }));
  await expectS3Error(copy('itself', own), 'InvalidRequest', 400);
  await copy('itself', { ...own, MetadataDirective: 'REPLACE', Metadata: { now: 'changed' } });
  const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'itself' }));
  expect(head.Metadata).toEqual({ now: 'changed' });
  expect(await textOf('itself')).toBe('x');
});

test('a copy goes to another bucket, from a key that must be encoded', async () => {
  const other = await endpoint.createBucket();
  const Key = 'sp ace+plus/ü?';
  await client.send(new PutObjectCommand({ Bucket, Key, Body: 'odd' }));
  const encoded = `/${Bucket}/${encodeURIComponent(Key)}`;
  await copy('target', { Bucket: other, CopySource: encoded });
  const got = await client.send(new GetObjectCommand({ Bucket: other, Key: 'target' }));
  expect(await got.Body?.transformToString()).toBe('odd');
});

test('a copy of an object uploaded in parts has the MD5 of its bytes as its ETag', async () => {
  const Body = randomBytes(6 * MiB);
  await new Upload({ client, params: { Bucket, Key: 'in-parts', Body } }).done();
  const { CopyObjectResult } = await copy('whole', { CopySource: `${Bucket}/in-parts` });
  expect(CopyObjectResult?.ETag).toBe(`"${createHash('md5').update(Body).digest('hex')}"`);
});

test('a copy from what is not there says what is missing', async () => {
  await expectS3Error(copy('x', { CopySource: `${Bucket}/absent` }), 'NoSuchKey', 404);
  await expectS3Error(copy('x', { CopySource: `${Bucket}-absent/x` }), 'NoSuchBucket', 404);
});

test('a copy happens only when the conditions on its source hold', async () => {
  const past = new Date('2020-01-01');
  await copy('conditional', { CopySourceIfMatch: sourceETag });
  for (const condition of [
    { CopySourceIfMatch: `"${'0'.repeat(32)}"` },
    { CopySourceIfNoneMatch: sourceETag },
    { CopySourceIfUnmodifiedSince: past },
  ]) {
    await expectS3Error(copy('conditional', condition), 'PreconditionFailed', 412);
  }
  await copy('conditional', { CopySourceIfModifiedSince: past });
});
