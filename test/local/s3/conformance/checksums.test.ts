import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import {
  type ChecksumAlgorithm,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectS3Error, openS3Endpoint, type S3Endpoint } from '../../../support/s3-endpoint.ts';

const MiB = 1024 * 1024;

/** Base64 of the check values that the algorithms' definitions give for these nine bytes. */
const checked = '123456789';
const checkValues = {
  CRC32: Buffer.from('cbf43926', 'hex').toString('base64'),
  CRC32C: Buffer.from('e3069283', 'hex').toString('base64'),
  CRC64NVME: Buffer.from('ae8b14860a799888', 'hex').toString('base64'),
  SHA1: createHash('sha1').update(checked).digest('base64'),
  SHA256: createHash('sha256').update(checked).digest('base64'),
} as const;
const algorithms = Object.entries(checkValues) as [keyof typeof checkValues, string][];

let endpoint: S3Endpoint;
let client: S3Client;
let Bucket: string;

beforeAll(async () => {
  endpoint = await openS3Endpoint();
  client = endpoint.client;
  Bucket = await endpoint.createBucket();
});
afterAll(() => endpoint.close());

function put(Key: string, more: Partial<PutObjectCommandInput>) {
  return client.send(new PutObjectCommand({ Bucket, Key, Body: checked, ...more }));
}

async function isAbsent(Key: string): Promise<void> {
  await expectS3Error(client.send(new HeadObjectCommand({ Bucket, Key })), 'NotFound', 404);
}

function crc32Base64(bytes: string | Buffer): string {
  const value = Buffer.alloc(4);
  value.writeUInt32BE(crc32(bytes));
  return value.toString('base64');
}

describe.each(algorithms)('%s', (algorithm, value) => {
  const field = `Checksum${algorithm}` as const;

  test('that the SDK computes is kept and given back', async () => {
    const Key = `computed/${algorithm}`;
    const done = await put(Key, { ChecksumAlgorithm: algorithm });
    expect(done[field]).toBe(value);
    const head = await client.send(new HeadObjectCommand({ Bucket, Key, ChecksumMode: 'ENABLED' }));
    expect(head[field]).toBe(value);
    expect(head.ChecksumType).toBe('FULL_OBJECT');
    const got = await client.send(new GetObjectCommand({ Bucket, Key, ChecksumMode: 'ENABLED' }));
    expect(got[field]).toBe(value);
    expect(await got.Body?.transformToString()).toBe(checked);
  });

  test('comes in the trailer of a streamed body', async () => {
    const Key = `trailer/${algorithm}`;
    const Body = Readable.from([checked.slice(0, 4), checked.slice(4)]);
    await put(Key, { ChecksumAlgorithm: algorithm, Body, ContentLength: checked.length });
    const head = await client.send(new HeadObjectCommand({ Bucket, Key, ChecksumMode: 'ENABLED' }));
    expect(head[field]).toBe(value);
  });

  test('that is not of the body is refused, and nothing is written', async () => {
    const Key = `wrong/${algorithm}`;
    const wrong = Buffer.alloc(Buffer.from(value, 'base64').byteLength, 7).toString('base64');
    await expectS3Error(put(Key, { [field]: wrong }), 'BadDigest', 400);
    await isAbsent(Key);
  });
});

test('a Content-MD5 is compared with the body', async () => {
  const ContentMD5 = createHash('md5').update(checked).digest('base64');
  await put('md5', { ContentMD5 });
  const wrong = createHash('md5').update('other').digest('base64');
  await expectS3Error(put('wrong-md5', { ContentMD5: wrong }), 'BadDigest', 400);
  await isAbsent('wrong-md5');
  await expectS3Error(put('wrong-md5', { ContentMD5: 'short' }), 'InvalidDigest', 400);
});

test('without a wish, the SDK protects a body with a CRC32, which is kept', async () => {
  expect((await put('default', {})).ChecksumCRC32).toBe(checkValues.CRC32);
});

test('a range has no checksum', async () => {
  await put('ranged', { ChecksumAlgorithm: 'SHA256' });
  const got = await client.send(
    new GetObjectCommand({ Bucket, Key: 'ranged', Range: 'bytes=0-3', ChecksumMode: 'ENABLED' }),
  );
  expect(await got.Body?.transformToString()).toBe('1234');
  expect(got.ChecksumSHA256).toBeUndefined();
});

test('a copy keeps the checksum, or gets one of another kind', async () => {
  await put('copied', { ChecksumAlgorithm: 'SHA1' });
  const copy = (ChecksumAlgorithm?: ChecksumAlgorithm) =>
    client.send(
      new CopyObjectCommand({
        Bucket,
        Key: 'copy',
        CopySource: `${Bucket}/copied`,
        ChecksumAlgorithm,
      }),
    );
  expect((await copy()).CopyObjectResult?.ChecksumSHA1).toBe(checkValues.SHA1);
  expect((await copy('SHA256')).CopyObjectResult?.ChecksumSHA256).toBe(checkValues.SHA256);
});

describe('an upload in parts', () => {
  const parts = [Buffer.alloc(5 * MiB, 'a'), Buffer.alloc(5 * MiB, 'b'), Buffer.from('c')];

  async function upload(
    Key: string,
    options: { ChecksumAlgorithm?: ChecksumAlgorithm; ChecksumType?: 'COMPOSITE' | 'FULL_OBJECT' },
    completion = {},
  ) {
    const address = { Bucket, Key };
    const create = new CreateMultipartUploadCommand({ ...address, ...options });
    const { UploadId } = await client.send(create);
    const { ChecksumAlgorithm } = options;
    const Parts: { PartNumber: number; ETag: string | undefined }[] = [];
    for (const [index, Body] of parts.entries()) {
      const PartNumber = index + 1;
      const { $metadata: _, ...part } = await client.send(
        new UploadPartCommand({ ...address, UploadId, PartNumber, Body, ChecksumAlgorithm }),
      );
      const named = ChecksumAlgorithm === undefined ? { ETag: part.ETag } : part;
      Parts.push({ PartNumber, ...named, ETag: part.ETag });
    }
    const MultipartUpload = { Parts };
    return client.send(
      new CompleteMultipartUploadCommand({ ...address, UploadId, MultipartUpload, ...completion }),
    );
  }

  test('of type COMPOSITE has the checksum of the checksums and their count', async () => {
    const digests = parts.map((part) => createHash('sha256').update(part).digest());
    const expected = createHash('sha256').update(Buffer.concat(digests)).digest('base64');
    const done = await upload('composite', { ChecksumAlgorithm: 'SHA256' });
    expect(done.ChecksumSHA256).toBe(`${expected}-3`);
    expect(done.ChecksumType).toBe('COMPOSITE');
    const head = await client.send(
      new HeadObjectCommand({ Bucket, Key: 'composite', ChecksumMode: 'ENABLED' }),
    );
    expect(head).toMatchObject({ ChecksumSHA256: `${expected}-3`, ChecksumType: 'COMPOSITE' });
    const part = await client.send(
      new HeadObjectCommand({ Bucket, Key: 'composite', PartNumber: 2, ChecksumMode: 'ENABLED' }),
    );
    expect(part.ChecksumSHA256).toBe(digests[1]?.toString('base64'));
  });

  test('of type FULL_OBJECT has the checksum of all its bytes', async () => {
    const options = { ChecksumAlgorithm: 'CRC32', ChecksumType: 'FULL_OBJECT' } as const;
    const expected = crc32Base64(Buffer.concat(parts));
    const done = await upload('full', options, { ChecksumCRC32: expected });
    expect(done).toMatchObject({ ChecksumCRC32: expected, ChecksumType: 'FULL_OBJECT' });
    const wrong = upload('full-wrong', options, { ChecksumCRC32: crc32Base64('other') });
    await expectS3Error(wrong, 'BadDigest', 400);
    await isAbsent('full-wrong');
  });

  test('whose caller names no checksum gets the CRC64NVME of all its bytes', async () => {
    const whole = await put('whole', {
      Body: Buffer.concat(parts),
      ChecksumAlgorithm: 'CRC64NVME',
    });
    const done = await upload('unnamed', {});
    expect(done.ChecksumCRC64NVME).toBe(whole.ChecksumCRC64NVME);
  });

  test('takes only parts with the checksum it was created with', async () => {
    const address = { Bucket, Key: 'mixed' };
    const create = new CreateMultipartUploadCommand({ ...address, ChecksumAlgorithm: 'SHA256' });
    const { UploadId } = await client.send(create);
    const part = { ...address, UploadId, PartNumber: 1, Body: 'x' };
    const wrong = new UploadPartCommand({ ...part, ChecksumAlgorithm: 'CRC32' });
    await expectS3Error(client.send(wrong), 'InvalidRequest', 400);
  });

  test('refuses a part that does not match its checksum', async () => {
    const address = { Bucket, Key: 'bad-part' };
    const { UploadId } = await client.send(new CreateMultipartUploadCommand(address));
    const wrong = new UploadPartCommand({
      ...address,
      UploadId,
      PartNumber: 1,
      Body: 'x',
      ChecksumCRC32: crc32Base64('y'),
    });
    await expectS3Error(client.send(wrong), 'BadDigest', 400);
  });
});
