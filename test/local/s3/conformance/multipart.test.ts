import { createHash, randomBytes } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
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

async function begin(Key: string, more = {}): Promise<string> {
  const create = new CreateMultipartUploadCommand({ Bucket, Key, ...more });
  return (await client.send(create)).UploadId ?? '';
}

async function putPart(Key: string, UploadId: string, PartNumber: number, Body: Buffer | string) {
  const upload = new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body });
  const { ETag } = await client.send(upload);
  return { PartNumber, ETag };
}

async function complete(Key: string, UploadId: string, Parts: CompletedPart[], more = {}) {
  const MultipartUpload = { Parts };
  return client.send(
    new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload, ...more }),
  );
}

async function bytesOf(Key: string, more = {}): Promise<Buffer> {
  const { Body } = await client.send(new GetObjectCommand({ Bucket, Key, ...more }));
  return Buffer.from((await Body?.transformToByteArray()) ?? []);
}

function md5(bytes: Buffer): Buffer {
  return createHash('md5').update(bytes).digest();
}

describe('an upload in parts', () => {
  const Key = 'parts/whole';
  const parts = [randomBytes(5 * MiB), randomBytes(5 * MiB + 3), randomBytes(7)];
  let ETag: string | undefined;

  beforeAll(async () => {
    const UploadId = await begin(Key, { ContentType: 'text/x', Metadata: { a: 'b' } });
    const done: CompletedPart[] = [];
    for (const index of [2, 0, 1]) {
      done[index] = await putPart(Key, UploadId, index + 1, parts[index] ?? '');
    }
    const before = await client.send(new ListObjectsV2Command({ Bucket, Prefix: 'parts/' }));
    expect(before.KeyCount).toBe(0);
    ({ ETag } = await complete(Key, UploadId, done));
  });

  test('becomes one object, whose ETag is the MD5 of the MD5s and the count', async () => {
    const expected = createHash('md5')
      .update(Buffer.concat(parts.map(md5)))
      .digest('hex');
    expect(ETag).toBe(`"${expected}-3"`);
    expect((await bytesOf(Key)).equals(Buffer.concat(parts))).toBe(true);
    const head = await client.send(new HeadObjectCommand({ Bucket, Key }));
    expect(head).toMatchObject({
      ETag,
      ContentLength: 10 * MiB + 10,
      ContentType: 'text/x',
      Metadata: { a: 'b' },
    });
  });

  test('is read across the borders of its parts', async () => {
    const from = 5 * MiB - 2;
    const to = 10 * MiB + 5;
    const expected = Buffer.concat(parts).subarray(from, to + 1);
    expect((await bytesOf(Key, { Range: `bytes=${from}-${to}` })).equals(expected)).toBe(true);
  });

  test('describes its parts', async () => {
    const attributes = await client.send(
      new GetObjectAttributesCommand({
        Bucket,
        Key,
        ObjectAttributes: ['ETag', 'ObjectParts', 'ObjectSize'],
      }),
    );
    expect(attributes).toMatchObject({
      ETag: ETag?.replaceAll('"', ''),
      ObjectSize: 10 * MiB + 10,
      ObjectParts: { TotalPartsCount: 3 },
    });
  });

  test('is read part by part', async () => {
    for (const [index, part] of parts.entries()) {
      const get = new GetObjectCommand({ Bucket, Key, PartNumber: index + 1 });
      const got = await client.send(get);
      expect(got).toMatchObject({ PartsCount: 3, ContentLength: part.byteLength });
      expect(got.$metadata.httpStatusCode).toBe(206);
      expect(part.equals(Buffer.from((await got.Body?.transformToByteArray()) ?? []))).toBe(true);
    }
    const beyond = client.send(new GetObjectCommand({ Bucket, Key, PartNumber: 4 }));
    await expectS3Error(beyond, 'InvalidPartNumber', 416);
  });
});

test('an object that was not uploaded in parts is its own part 1', async () => {
  const Key = 'single';
  await client.send(new PutObjectCommand({ Bucket, Key, Body: 'x' }));
  const head = await client.send(new HeadObjectCommand({ Bucket, Key, PartNumber: 1 }));
  expect(head.ContentLength).toBe(1);
  expect(head.PartsCount).toBeUndefined();
});

describe('completing', () => {
  test('again gives the same answer', async () => {
    const Key = 'again';
    const UploadId = await begin(Key);
    const parts = [await putPart(Key, UploadId, 1, 'x')];
    const first = await complete(Key, UploadId, parts);
    const second = await complete(Key, UploadId, parts);
    expect(second.ETag).toBe(first.ETag);
  });

  test('takes the last of the parts that had one number', async () => {
    const Key = 'resent';
    const UploadId = await begin(Key);
    await putPart(Key, UploadId, 1, 'old');
    await complete(Key, UploadId, [await putPart(Key, UploadId, 1, 'new')]);
    expect((await bytesOf(Key)).toString()).toBe('new');
  });

  test('leaves out parts that are not named, and takes numbers with gaps', async () => {
    const Key = 'gaps';
    const UploadId = await begin(Key);
    const big = randomBytes(5 * MiB);
    await putPart(Key, UploadId, 1, 'unused');
    const parts = [await putPart(Key, UploadId, 3, big), await putPart(Key, UploadId, 10_000, 'y')];
    await complete(Key, UploadId, parts);
    expect((await bytesOf(Key)).equals(Buffer.concat([big, Buffer.from('y')]))).toBe(true);
  });

  test('refuses a part below 5 MiB that is not the last', async () => {
    const Key = 'small';
    const UploadId = await begin(Key);
    const parts = [await putPart(Key, UploadId, 1, 'x'), await putPart(Key, UploadId, 2, 'y')];
    await expectS3Error(complete(Key, UploadId, parts), 'EntityTooSmall', 400);
  });

  test('refuses parts out of order, unknown, with another ETag, or none at all', async () => {
    const Key = 'wrong';
    const UploadId = await begin(Key);
    const big = randomBytes(5 * MiB);
    const one = await putPart(Key, UploadId, 1, big);
    const two = await putPart(Key, UploadId, 2, big);
    await expectS3Error(complete(Key, UploadId, [two, one]), 'InvalidPartOrder', 400);
    await expectS3Error(complete(Key, UploadId, [one, one]), 'InvalidPartOrder', 400);
    const unknown = { PartNumber: 3, ETag: one.ETag };
    await expectS3Error(complete(Key, UploadId, [one, unknown]), 'InvalidPart', 400);
    const other = { PartNumber: 1, ETag: `"${'0'.repeat(32)}"` };
    await expectS3Error(complete(Key, UploadId, [other]), 'InvalidPart', 400);
    await expectS3Error(complete(Key, UploadId, []), 'MalformedXML', 400);
    // None of this has ended the upload.
    await complete(Key, UploadId, [one, two]);
  });

  test('refuses another size than the one that was announced', async () => {
    const Key = 'sized';
    const UploadId = await begin(Key);
    const parts = [await putPart(Key, UploadId, 1, 'xyz')];
    const wrong = complete(Key, UploadId, parts, { MpuObjectSize: 4 });
    await expectS3Error(wrong, 'InvalidRequest', 400);
    await complete(Key, UploadId, parts, { MpuObjectSize: 3 });
  });

  test('an upload that is not there is NoSuchUpload', async () => {
    const UploadId = await begin('other-key');
    await expectS3Error(
      complete('nokey', UploadId, [{ PartNumber: 1, ETag: 'x' }]),
      'NoSuchUpload',
    );
    const part = putPart('absent', 'no-such-upload', 1, 'x');
    await expectS3Error(part, 'NoSuchUpload', 404);
  });
});

test('aborting forgets the upload and its parts', async () => {
  const Key = 'aborted';
  const UploadId = await begin(Key);
  const part = await putPart(Key, UploadId, 1, 'x');
  await client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }));
  await expectS3Error(complete(Key, UploadId, [part]), 'NoSuchUpload', 404);
  await expectS3Error(
    client.send(new ListPartsCommand({ Bucket, Key, UploadId })),
    'NoSuchUpload',
    404,
  );
});
