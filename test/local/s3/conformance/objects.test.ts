import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  DeleteObjectTaggingCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectS3Error, openS3Endpoint, type S3Endpoint } from '../../../support/s3-endpoint.ts';

let endpoint: S3Endpoint;
let client: S3Client;
let Bucket: string;

beforeAll(async () => {
  endpoint = await openS3Endpoint();
  client = endpoint.client;
  Bucket = await endpoint.createBucket();
});
afterAll(() => endpoint.close());

async function textOf(Key: string): Promise<string | undefined> {
  const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));
  return Body?.transformToString();
}

describe('an object', () => {
  test('comes back as it was put, with the MD5 of its bytes as its ETag', async () => {
    const Key = 'plain.txt';
    const put = await client.send(new PutObjectCommand({ Bucket, Key, Body: 'hello' }));
    expect(put.ETag).toBe(`"${createHash('md5').update('hello').digest('hex')}"`);
    const got = await client.send(new GetObjectCommand({ Bucket, Key }));
    expect(await got.Body?.transformToString()).toBe('hello');
    expect(got).toMatchObject({
      ETag: put.ETag,
      ContentLength: 5,
      AcceptRanges: 'bytes',
      ContentType: 'application/octet-stream',
      Metadata: {},
    });
    expect(got.ContentRange).toBeUndefined();
    expect(Math.abs((got.LastModified?.getTime() ?? 0) - Date.now())).toBeLessThan(60_000);
  });

  test('may have no bytes', async () => {
    await client.send(new PutObjectCommand({ Bucket, Key: 'empty', Body: '' }));
    const got = await client.send(new GetObjectCommand({ Bucket, Key: 'empty' }));
    expect(got.ContentLength).toBe(0);
    expect(await got.Body?.transformToString()).toBe('');
    const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'empty' }));
    expect(head.ETag).toBe('"d41d8cd98f00b204e9800998ecf8427e"');
  });

  test('replaces the one of the same key', async () => {
    for (const Body of ['one', 'two']) {
      await client.send(new PutObjectCommand({ Bucket, Key: 'replaced', Body }));
    }
    expect(await textOf('replaced')).toBe('two');
  });

  test('of some megabytes comes from a stream whose length is known', async () => {
    const bytes = randomBytes(9 * 1024 * 1024 + 17);
    await client.send(
      new PutObjectCommand({
        Bucket,
        Key: 'streamed',
        Body: Readable.from(chunksOf(bytes, 100_000)),
        ContentLength: bytes.byteLength,
      }),
    );
    const got = await client.send(new GetObjectCommand({ Bucket, Key: 'streamed' }));
    expect(bytes.equals((await got.Body?.transformToByteArray()) ?? Buffer.alloc(0))).toBe(true);
    // The transfer's own encoding is not the object's.
    expect(got.ContentEncoding).toBeUndefined();
  });

  test('keeps headers and user metadata, also those of a streamed body', async () => {
    const Key = 'described';
    const described = {
      ContentType: 'text/csv; charset=utf-8',
      ContentEncoding: 'gzip',
      ContentDisposition: 'attachment; filename="a b.csv"',
      ContentLanguage: 'de',
      CacheControl: 'max-age=60',
      Metadata: { model: 'ocr', 'with-dash': 'a, b; c' },
    };
    for (const Body of ['x', Readable.from(['x'])]) {
      await client.send(
        new PutObjectCommand({ Bucket, Key, Body, ContentLength: 1, ...described }),
      );
      expect(await client.send(new HeadObjectCommand({ Bucket, Key }))).toMatchObject(described);
      const got = await client.send(new GetObjectCommand({ Bucket, Key }));
      expect(got).toMatchObject(described);
      await got.Body?.transformToString();
    }
  });

  test('is answered with the headers that a GET asks for', async () => {
    await client.send(new PutObjectCommand({ Bucket, Key: 'overridden', Body: 'x' }));
    const got = await client.send(
      new GetObjectCommand({
        Bucket,
        Key: 'overridden',
        ResponseContentType: 'text/plain',
        ResponseContentDisposition: 'attachment; filename="x.txt"',
        ResponseCacheControl: 'no-store',
        ResponseContentLanguage: 'en',
        ResponseContentEncoding: 'identity',
      }),
    );
    await got.Body?.transformToString();
    expect(got).toMatchObject({
      ContentType: 'text/plain',
      ContentDisposition: 'attachment; filename="x.txt"',
      CacheControl: 'no-store',
      ContentLanguage: 'en',
      ContentEncoding: 'identity',
    });
  });

  test('that is not there is NoSuchKey, and NotFound for a HEAD', async () => {
    await expectS3Error(
      client.send(new GetObjectCommand({ Bucket, Key: 'absent' })),
      'NoSuchKey',
      404,
    );
    await expectS3Error(
      client.send(new HeadObjectCommand({ Bucket, Key: 'absent' })),
      'NotFound',
      404,
    );
  });

  test('of a bucket that is not there is NoSuchBucket, for reading and writing', async () => {
    const address = { Bucket: `${Bucket}-absent`, Key: 'x' };
    await expectS3Error(client.send(new GetObjectCommand(address)), 'NoSuchBucket', 404);
    const put = new PutObjectCommand({ ...address, Body: 'x' });
    await expectS3Error(client.send(put), 'NoSuchBucket', 404);
  });

  test('with more than 2 KB of user metadata is refused', async () => {
    const Metadata = { long: 'x'.repeat(3000) };
    const put = new PutObjectCommand({ Bucket, Key: 'meta', Body: 'x', Metadata });
    await expectS3Error(client.send(put), 'MetadataTooLarge', 400);
  });

  test('carries tags, which are read, replaced and removed', async () => {
    const address = { Bucket, Key: 'tagged' };
    await client.send(
      new PutObjectCommand({ ...address, Body: 'x', Tagging: 'team=a%20b&stage=test' }),
    );
    const tags = async () => (await client.send(new GetObjectTaggingCommand(address))).TagSet;
    expect(new Set(await tags())).toEqual(
      new Set([
        { Key: 'team', Value: 'a b' },
        { Key: 'stage', Value: 'test' },
      ]),
    );
    expect((await client.send(new HeadObjectCommand(address))).ETag).toBeDefined();
    const Tagging = { TagSet: [{ Key: 'only', Value: '<&>' }] };
    await client.send(new PutObjectTaggingCommand({ ...address, Tagging }));
    expect(await tags()).toEqual(Tagging.TagSet);
    await client.send(new DeleteObjectTaggingCommand(address));
    expect(await tags()).toEqual([]);
    expect(await textOf('tagged')).toBe('x');
  });
});

describe('deleting', () => {
  test('removes an object; deleting what is not there is no error', async () => {
    await client.send(new PutObjectCommand({ Bucket, Key: 'doomed', Body: 'x' }));
    for (let round = 0; round < 2; round += 1) {
      await client.send(new DeleteObjectCommand({ Bucket, Key: 'doomed' }));
    }
    await expectS3Error(client.send(new GetObjectCommand({ Bucket, Key: 'doomed' })), 'NoSuchKey');
  });

  test('takes many keys at once, with characters that XML must escape', async () => {
    const keys = ['many/a&b', 'many/<c>', 'many/"d"', "many/e'f", 'many/ü 日本 😀', 'many/ g '];
    for (const Key of keys) await client.send(new PutObjectCommand({ Bucket, Key, Body: 'x' }));
    const Objects = [...keys, 'many/absent'].map((Key) => ({ Key }));
    const result = await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
    expect(new Set(result.Deleted?.map(({ Key }) => Key))).toEqual(
      new Set(Objects.map(({ Key }) => Key)),
    );
    expect(result.Errors).toBeUndefined();
    for (const Key of keys) {
      await expectS3Error(client.send(new HeadObjectCommand({ Bucket, Key })), 'NotFound');
    }
  });

  test('says nothing of what went well when it is to be quiet', async () => {
    await client.send(new PutObjectCommand({ Bucket, Key: 'quiet', Body: 'x' }));
    const Delete = { Objects: [{ Key: 'quiet' }], Quiet: true };
    const result = await client.send(new DeleteObjectsCommand({ Bucket, Delete }));
    expect(result.Deleted).toBeUndefined();
    await expectS3Error(client.send(new HeadObjectCommand({ Bucket, Key: 'quiet' })), 'NotFound');
  });
});

function* chunksOf(bytes: Buffer, size: number): Generator<Buffer> {
  for (let start = 0; start < bytes.byteLength; start += size) {
    yield bytes.subarray(start, start + size);
  }
}
