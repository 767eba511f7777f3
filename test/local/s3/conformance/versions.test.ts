import {
  CopyObjectCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { expectS3Error, openS3Endpoint, type S3Endpoint } from '../../../support/s3-endpoint.ts';

let endpoint: S3Endpoint;
let client: S3Client;
let Bucket: string;

beforeAll(async () => {
  endpoint = await openS3Endpoint();
  client = endpoint.client;
});
beforeEach(async () => {
  Bucket = await endpoint.createBucket({ versioned: true });
});
afterAll(() => endpoint.close());

async function put(Key: string, Body: string): Promise<string> {
  const { VersionId } = await client.send(new PutObjectCommand({ Bucket, Key, Body }));
  return VersionId ?? '';
}

async function textOf(Key: string, VersionId?: string): Promise<string | undefined> {
  const got = await client.send(new GetObjectCommand({ Bucket, Key, VersionId }));
  expect(got.VersionId).toBe(VersionId ?? got.VersionId);
  return got.Body?.transformToString();
}

function suspend() {
  const VersioningConfiguration = { Status: 'Suspended' } as const;
  return client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }));
}

describe('a bucket with versioning', () => {
  test('keeps every version, and reads the newest', async () => {
    const first = await put('k', 'one');
    const second = await put('k', 'two');
    expect(first).not.toBe(second);
    expect(await textOf('k')).toBe('two');
    expect(await textOf('k', first)).toBe('one');
    const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'k', VersionId: first }));
    expect(head.VersionId).toBe(first);
    expect((await client.send(new ListObjectsV2Command({ Bucket }))).KeyCount).toBe(1);
  });

  test('hides a deleted object behind a marker, which can be deleted in turn', async () => {
    const version = await put('k', 'one');
    const marker = await client.send(new DeleteObjectCommand({ Bucket, Key: 'k' }));
    expect(marker.DeleteMarker).toBe(true);
    await expectS3Error(textOf('k'), 'NoSuchKey', 404);
    expect((await client.send(new ListObjectsV2Command({ Bucket }))).KeyCount).toBe(0);
    expect(await textOf('k', version)).toBe('one');
    await expectS3Error(textOf('k', marker.VersionId), 'MethodNotAllowed', 405);
    const undo = new DeleteObjectCommand({ Bucket, Key: 'k', VersionId: marker.VersionId });
    expect(await client.send(undo)).toMatchObject({
      DeleteMarker: true,
      VersionId: marker.VersionId,
    });
    expect(await textOf('k')).toBe('one');
  });

  test('forgets a version that is deleted by its id', async () => {
    const first = await put('k', 'one');
    const second = await put('k', 'two');
    await client.send(new DeleteObjectCommand({ Bucket, Key: 'k', VersionId: second }));
    expect(await textOf('k')).toBe('one');
    await expectS3Error(textOf('k', second), 'NoSuchVersion', 404);
    await client.send(new DeleteObjectCommand({ Bucket, Key: 'k', VersionId: first }));
    await expectS3Error(textOf('k'), 'NoSuchKey', 404);
  });

  test('says in a multiple delete what became of each key', async () => {
    const version = await put('a', 'x');
    await put('b', 'x');
    const Objects = [{ Key: 'a', VersionId: version }, { Key: 'b' }];
    const { Deleted } = await client.send(
      new DeleteObjectsCommand({ Bucket, Delete: { Objects } }),
    );
    const byKey = new Map(Deleted?.map((each) => [each.Key, each]));
    expect(byKey.get('a')).toMatchObject({ VersionId: version });
    expect(byKey.get('b')?.DeleteMarker).toBe(true);
    expect(byKey.get('b')?.DeleteMarkerVersionId).toBeDefined();
  });

  test('lets If-None-Match: * write over a delete marker', async () => {
    await put('k', 'one');
    await client.send(new DeleteObjectCommand({ Bucket, Key: 'k' }));
    await client.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'two', IfNoneMatch: '*' }));
    expect(await textOf('k')).toBe('two');
  });

  test('copies an old version, and names both versions', async () => {
    const first = await put('k', 'one');
    await put('k', 'two');
    const copied = await client.send(
      new CopyObjectCommand({
        Bucket,
        Key: 'k',
        CopySource: `${Bucket}/k?versionId=${encodeURIComponent(first)}`,
      }),
    );
    expect(copied.CopySourceVersionId).toBe(first);
    expect(await textOf('k', copied.VersionId)).toBe('one');
    expect(await textOf('k')).toBe('one');
  });

  test('gives an object uploaded in parts a version too', async () => {
    const Body = Buffer.alloc(6 * 1024 * 1024);
    const done = await new Upload({ client, params: { Bucket, Key: 'k', Body } }).done();
    expect(done.VersionId).toBeDefined();
    expect(done.VersionId).not.toBe('null');
  });
});

describe('a bucket whose versioning is suspended', () => {
  test('keeps old versions and writes one that has the id null', async () => {
    const kept = await put('k', 'kept');
    await suspend();
    expect(await put('k', 'first null')).toBe('null');
    await put('k', 'second null');
    expect(await textOf('k')).toBe('second null');
    expect(await textOf('k', kept)).toBe('kept');
    const { Versions } = await client.send(new ListObjectVersionsCommand({ Bucket }));
    expect(Versions?.map(({ VersionId }) => VersionId)).toEqual(['null', kept]);
  });

  test('puts a marker of the id null in the place of the null version', async () => {
    await suspend();
    await put('k', 'gone');
    const deleted = await client.send(new DeleteObjectCommand({ Bucket, Key: 'k' }));
    expect(deleted).toMatchObject({ DeleteMarker: true, VersionId: 'null' });
    const list = await client.send(new ListObjectVersionsCommand({ Bucket }));
    expect(list.Versions).toBeUndefined();
    expect(list.DeleteMarkers).toHaveLength(1);
  });

  test('keeps what was there before versioning under the id null', async () => {
    Bucket = await endpoint.createBucket();
    await client.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'before' }));
    const VersioningConfiguration = { Status: 'Enabled' } as const;
    await client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }));
    await put('k', 'after');
    expect(await textOf('k', 'null')).toBe('before');
  });
});

describe('the list of versions', () => {
  test('has keys in order, the newest version of each first', async () => {
    const a1 = await put('a', 'xx');
    const b1 = await put('b', 'x');
    const a2 = await put('a', 'xyz');
    const marker = await client.send(new DeleteObjectCommand({ Bucket, Key: 'b' }));
    const list = await client.send(new ListObjectVersionsCommand({ Bucket }));
    expect(list.Versions).toMatchObject([
      { Key: 'a', VersionId: a2, IsLatest: true, Size: 3 },
      { Key: 'a', VersionId: a1, IsLatest: false, Size: 2 },
      { Key: 'b', VersionId: b1, IsLatest: false, Size: 1 },
    ]);
    expect(list.DeleteMarkers).toMatchObject([
      { Key: 'b', VersionId: marker.VersionId, IsLatest: true },
    ]);
  });

  test('comes in pages, which may end between two versions of a key', async () => {
    const expected: string[] = [];
    for (const Key of ['a', 'a', 'b', 'b', 'b', 'c']) expected.push(await put(Key, 'x'));
    const found: (string | undefined)[] = [];
    for (let markers = {}, more = true; more; ) {
      const list = new ListObjectVersionsCommand({ Bucket, MaxKeys: 2, ...markers });
      const page = await client.send(list);
      expect(page.Versions?.length).toBeLessThanOrEqual(2);
      found.push(...(page.Versions ?? []).map(({ VersionId }) => VersionId));
      markers = { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker };
      more = page.IsTruncated === true;
    }
    expect(found.toSorted()).toEqual(expected.toSorted());
  });

  test('keeps to a prefix and rolls up at a delimiter', async () => {
    for (const Key of ['in/a', 'in/a', 'in/deep/b', 'out']) await put(Key, 'x');
    const list = await client.send(
      new ListObjectVersionsCommand({ Bucket, Prefix: 'in/', Delimiter: '/' }),
    );
    expect(list.Versions?.map(({ Key }) => Key)).toEqual(['in/a', 'in/a']);
    expect(list.CommonPrefixes).toEqual([{ Prefix: 'in/deep/' }]);
  });
});
