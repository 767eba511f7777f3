import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFile,
  mkdir,
  mkdtemp,
  readFile,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterEach, describe, expect, test } from 'vitest';
import { startS3 } from '../../../local/s3/server.ts';
import { Store } from '../../../local/s3/store.ts';
import { clientFor } from '../../support/s3-endpoint.ts';
import { filesBelow, startTestS3, type TestS3 } from '../../support/s3-server.ts';

const buckets = [{ name: 'plain' }, { name: 'versioned', versioned: true }];

let s3: TestS3 | undefined;
afterEach(async () => {
  await s3?.close();
  s3 = undefined;
});

async function textOf(server: TestS3, Bucket: string, Key: string, VersionId?: string) {
  const { Body } = await server.client.send(new GetObjectCommand({ Bucket, Key, VersionId }));
  return Body?.transformToString();
}

describe('after a restart', () => {
  test('buckets, objects, versions, attributes and uploads are as they were', async () => {
    s3 = await startTestS3({ buckets });
    const { client } = s3;
    await client.send(
      new PutObjectCommand({
        Bucket: 'plain',
        Key: 'kept/ü',
        Body: 'kept',
        ContentType: 'text/plain',
        Metadata: { a: 'b' },
        Tagging: 'c=d',
        ChecksumAlgorithm: 'SHA256',
      }),
    );
    const put = (Body: string) =>
      client.send(new PutObjectCommand({ Bucket: 'versioned', Key: 'k', Body }));
    const { VersionId } = await put('old');
    await put('new');
    await client.send(new DeleteObjectCommand({ Bucket: 'versioned', Key: 'k' }));
    const address = { Bucket: 'plain', Key: 'upload' };
    const { UploadId } = await client.send(new CreateMultipartUploadCommand(address));
    const part = { ...address, UploadId, PartNumber: 1, Body: 'part' };
    const { ETag } = await client.send(new UploadPartCommand(part));
    const before = await client.send(new HeadObjectCommand({ Bucket: 'plain', Key: 'kept/ü' }));

    await s3.restart();

    const { Buckets } = await s3.client.send(new ListBucketsCommand({}));
    expect(Buckets?.map(({ Name }) => Name)).toEqual(['plain', 'versioned']);
    const kept = { Bucket: 'plain', Key: 'kept/ü' };
    const head = new HeadObjectCommand({ ...kept, ChecksumMode: 'ENABLED' });
    expect(await s3.client.send(head)).toMatchObject({
      ContentType: 'text/plain',
      Metadata: { a: 'b' },
      ETag: before.ETag,
      LastModified: before.LastModified,
      ChecksumSHA256: expect.any(String),
    });
    const { TagSet } = await s3.client.send(new GetObjectTaggingCommand(kept));
    expect(TagSet).toEqual([{ Key: 'c', Value: 'd' }]);
    expect(await textOf(s3, 'versioned', 'k', VersionId)).toBe('old');
    const list = await s3.client.send(new ListObjectVersionsCommand({ Bucket: 'versioned' }));
    expect([list.Versions?.length, list.DeleteMarkers?.length]).toEqual([2, 1]);
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
    const complete = { ...address, UploadId, MultipartUpload };
    await s3.client.send(new CompleteMultipartUploadCommand(complete));
    await s3.restart();
    expect(await textOf(s3, 'plain', 'upload')).toBe('part');
    await s3.client.send(new CompleteMultipartUploadCommand(complete));
  });

  test('bytes that no object has are swept', async () => {
    s3 = await startTestS3({ buckets });
    await s3.client.send(new PutObjectCommand({ Bucket: 'plain', Key: 'k', Body: 'x' }));
    const kept = await s3.blobs();
    expect(kept).toHaveLength(1);
    const shelf = join(s3.dataDir, 'blobs', 'ab');
    await mkdir(shelf, { recursive: true });
    await writeFile(join(shelf, `ab${'0'.repeat(30)}`), 'half an object');
    await s3.restart();
    expect(await s3.blobs()).toEqual(kept);
  });

  test('a line of the journal that was cut short counts as not written', async () => {
    s3 = await startTestS3({ buckets });
    const put = (Key: string) =>
      s3?.client.send(new PutObjectCommand({ Bucket: 'plain', Key, Body: Key }));
    await put('whole');
    await put('cut');
    const journal = join(s3.dataDir, 'journal.jsonl');
    await s3.server.close();
    const { size } = await stat(journal);
    const text = await readFile(journal);
    const lastLineBytes = size - text.lastIndexOf('\n', size - 2) - 1;
    await truncate(journal, size - 5);
    await s3.restart();
    const cut = lastLineBytes - 5;
    expect(s3.problems).toEqual([
      `${journal} is damaged and kept as journal.jsonl.damaged: dropped ${cut} bytes of a record that was cut short at its end`,
    ]);
    await put('after');
    await s3.restart();
    const { Contents } = await s3.client.send(new ListObjectsV2Command({ Bucket: 'plain' }));
    expect(Contents?.map(({ Key }) => Key)).toEqual(['after', 'whole']);
    expect(s3.problems).toHaveLength(1);
  });
});

test('a server that is killed in the middle of a write has the old object, whole', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 's3-killed-'));
  const server = new URL('../../../local/s3/server.ts', import.meta.url).href;
  const program = `import { startS3 } from ${JSON.stringify(server)};
    const { url } = await startS3({ dataDir: process.argv[1], buckets: [{ name: 'b' }] });
    console.log(url);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [printed] = await once(child.stdout, 'data');
  const url = String(printed).trim();
  const client = clientFor(url);
  await client.send(new PutObjectCommand({ Bucket: 'b', Key: 'k', Body: 'old' }));
  const { port } = new URL(url);
  const options = { port, method: 'PUT', path: '/b/k', headers: { 'content-length': 4_000_000 } };
  const broken = request(options);
  const hangUp = once(broken, 'error');
  broken.write(Buffer.alloc(3_000_000, 'n'));
  await expect.poll(async () => (await filesBelow(join(dataDir, 'blobs'))).length).toBe(2);
  child.kill('SIGKILL');
  await Promise.all([once(child, 'exit'), hangUp]);
  client.destroy();

  const again = await startS3({ dataDir });
  const reader = clientFor(again.url);
  const { Body } = await reader.send(new GetObjectCommand({ Bucket: 'b', Key: 'k' }));
  expect(await Body?.transformToString()).toBe('old');
  expect(await filesBelow(join(dataDir, 'blobs'))).toHaveLength(1);
  reader.destroy();
  await again.close();
  await rm(dataDir, { recursive: true });
});

test('the journal is rewritten when most of it is superfluous, and says the same then', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 's3-journal-'));
  const options = {
    dataDir,
    messagesFor: () => [],
    onMessages: () => undefined,
    onProblem: () => undefined,
  };
  const attributes = { headers: {}, metadata: {}, tags: {}, storageClass: 'STANDARD' };
  const checksum = { algorithm: 'CRC32', value: 'AAAAAA==', type: 'FULL_OBJECT' } as const;
  const store = await Store.open(options);
  store.createBucket('b');
  for (let round = 0; round < 10_000; round += 1) {
    const draft = { etag: `${round}`, sizeBytes: 0, blobs: [], attributes, checksum };
    store.putObject('b', `${round % 10}`, draft, 'ObjectCreated:Put', () => undefined);
  }
  const sequence = store.sequence;
  store.close();
  const lines = (await readFile(join(dataDir, 'journal.jsonl'), 'utf8')).split('\n');
  expect(lines.length).toBeLessThan(5000);
  const reopened = await Store.open(options);
  expect([...reopened.bucket('b').objects.keys()].toSorted()).toEqual([...'0123456789']);
  expect(reopened.bucket('b').objects.get('9')).toMatchObject([{ etag: '9999' }]);
  // Sequencers of later events stand above all earlier ones.
  expect(reopened.sequence).toBeGreaterThanOrEqual(sequence);
  reopened.close();
  await appendFile(join(dataDir, 'journal.jsonl'), '{"op":"createBucket","bucket":"half"');
  const third = await Store.open(options);
  expect(third.hasBucket('half')).toBe(false);
  third.close();
  await rm(dataDir, { recursive: true });
});
