import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListBucketsCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startS3 } from '../../../local/s3/server.ts';
import { clientFor } from '../../support/s3-endpoint.ts';
import { filesBelow } from '../../support/s3-server.ts';

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 's3-server-'));
});
afterEach(() => rm(dataDir, { recursive: true }));

test('a port that is taken is told in a sentence', async () => {
  const first = await startS3({ dataDir });
  const second = startS3({ dataDir: `${dataDir}/other`, port: first.port });
  await expect(second).rejects.toThrow(`port ${first.port} is in use by another program`);
  await first.close();
});

test('buckets are created once, and keep what is in them', async () => {
  const buckets = [{ name: 'one' }, { name: 'two', versioned: true }];
  for (let round = 0; round < 2; round += 1) {
    const server = await startS3({ dataDir, buckets });
    const client = clientFor(server.url);
    const { Buckets } = await client.send(new ListBucketsCommand({}));
    expect(Buckets?.map(({ Name }) => Name)).toEqual(['one', 'two']);
    const IfNoneMatch = '*';
    const put = new PutObjectCommand({ Bucket: 'two', Key: `${round}`, Body: 'x', IfNoneMatch });
    expect((await client.send(put)).VersionId).not.toBe('null');
    await client.send(new GetObjectCommand({ Bucket: 'two', Key: '0' }));
    client.destroy();
    await server.close();
  }
});

test('an object that is deleted while it is read is read to its end', async () => {
  const server = await startS3({ dataDir, buckets: [{ name: 'b' }] });
  const client = clientFor(server.url);
  const address = { Bucket: 'b', Key: 'k' };
  const bytes = randomBytes(20 * 1024 * 1024);
  await new Upload({ client, params: { ...address, Body: bytes } }).done();
  const { Body } = await client.send(new GetObjectCommand(address));
  await client.send(new DeleteObjectCommand(address));
  const read = Buffer.from((await Body?.transformToByteArray()) ?? []);
  expect(read.equals(bytes)).toBe(true);
  await expect.poll(() => filesBelow(join(dataDir, 'blobs'))).toEqual([]);
  client.destroy();
  await server.close();
});

test('closing ends connections that are open, idle or in the middle of an answer', async () => {
  const server = await startS3({ dataDir, buckets: [{ name: 'b' }] });
  const client = clientFor(server.url);
  await client.send(new PutObjectCommand({ Bucket: 'b', Key: 'k', Body: Buffer.alloc(50e6) }));
  // Reads nothing of the answer, so that the server cannot finish it.
  const unread = get(`${server.url}/b/k`);
  const [response] = await once(unread, 'response');
  response.pause();
  await client.send(new ListBucketsCommand({}));
  const closing = server.close();
  expect(server.close()).toBe(closing);
  await closing;
  unread.on('error', () => undefined).destroy();
  client.destroy();
});
