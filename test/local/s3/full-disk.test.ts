import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  CreateBucketCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
  type S3ServiceException,
} from '@aws-sdk/client-s3';
import * as v from 'valibot';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Journal } from '../../../local/s3/journal.ts';
import { clientFor } from '../../support/s3-endpoint.ts';
import { startTestS3, type TestS3 } from '../../support/s3-server.ts';
import { temporaryDir } from '../sqs/harness.ts';

let dataDir: string;
let closing: (() => unknown)[];
beforeEach(async () => {
  dataDir = await temporaryDir();
  closing = [];
});
afterEach(async () => {
  for (const close of closing.reverse()) await close();
  await rm(dataDir, { recursive: true, force: true });
});

/** A server whose files may not grow beyond so many blocks of 512 bytes: the kernel refuses what a full disk would. */
async function startWithRoom(blocks: number) {
  const fixture = join(import.meta.dirname, 'fixtures', 'server-process.ts');
  const command = `ulimit -f ${blocks}; exec "$0" "$@"`;
  const child: ChildProcess = spawn('sh', ['-c', command, process.execPath, fixture, dataDir], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exit = once(child, 'exit');
  const lines: string[] = [];
  child.stdout?.on('data', (chunk: Buffer) => lines.push(...chunk.toString().trim().split('\n')));
  closing.push(async () => {
    child.kill('SIGKILL');
    await exit;
  });
  await expect.poll(() => lines.at(-1), { timeout: 10_000 }).toMatch(/^http:/);
  const client = clientFor(lines.at(-1) ?? '');
  closing.push(() => client.destroy());
  return { child, client, lines, url: lines.at(-1) ?? '' };
}

async function refusalOf(call: Promise<unknown>): Promise<S3ServiceException> {
  return call.then(
    () => Promise.reject(new Error('expected a refusal')),
    (error: S3ServiceException) => error,
  );
}

async function keys(client: S3Client): Promise<(string | undefined)[]> {
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: 'b' }));
  return Contents.map(({ Key }) => Key);
}

const put = (client: S3Client, Key: string, Body: string | Buffer) =>
  client.send(new PutObjectCommand({ Bucket: 'b', Key, Body }));

describe('an S3 server without room', () => {
  it('refuses an object with the folder, the reason and what to do, and serves on', async () => {
    const { client, lines } = await startWithRoom(4096);
    const large = Buffer.alloc(6_000_000);
    for (const attempt of [1, 2]) {
      const error = await refusalOf(put(client, `large ${attempt}`, large));
      expect(error.name).toBe('InsufficientStorage');
      expect(error.message).toBe(
        `${dataDir} cannot be used: a file there may not grow any more (ulimit -f); raise that limit and try again`,
      );
      expect(error.$metadata).toMatchObject({ httpStatusCode: 507, attempts: 1 });
    }
    await put(client, 'small', 'fits');
    expect(await keys(client)).toEqual(['small']);
    expect(lines.filter((line) => line.includes('cannot be used'))).toHaveLength(1);
  });

  it('answers on the connection of a body that it refused in the middle, and takes what fits there', async () => {
    const { url } = await startWithRoom(4096);
    // Not the SDK's: Node's own client gives up a connection on which it could not send all.
    const statusOf = async (key: string, sizeBytes: number) => {
      const body = Buffer.alloc(sizeBytes);
      const response = await fetch(`${url}/b/${key}`, {
        method: 'PUT',
        body,
        signal: AbortSignal.timeout(4_000),
      });
      await response.text();
      return response.status;
    };
    for (let round = 0; round < 5; round++) {
      expect(await statusOf('large', 4_000_000)).toBe(507);
      expect(await statusOf('small', 16_000)).toBe(200);
    }
  });

  it('keeps what it took, and lives on when it cannot note that a notification was delivered', async () => {
    const { child, client, lines } = await startWithRoom(8);
    await put(client, 'kept', 'x');
    // Each bucket is a line of the journal that is no longer than the one that notes a delivery.
    const buckets: string[] = [];
    const fill = async () => {
      for (let number = 100; ; number++) {
        await client.send(new CreateBucketCommand({ Bucket: `a${number}` }));
        buckets.push(`a${number}`);
      }
    };
    expect((await refusalOf(fill())).name).toBe('InsufficientStorage');
    child.stdin?.write('deliver\n');
    await expect.poll(() => lines).toContain('delivered');
    expect(await keys(client)).toEqual(['kept']);
    child.kill('SIGKILL');
    await once(child, 'exit');

    const again = await startWithRoom(4096);
    expect(await keys(again.client)).toEqual(['kept']);
    const { Buckets = [] } = await again.client.send(new ListBucketsCommand({}));
    expect(Buckets.map(({ Name }) => Name)).toEqual([...buckets, 'b']);
    again.child.stdin?.write('deliver\n');
    await expect.poll(() => again.lines).toContain('delivered');
  });
});

describe('an S3 server whose folder is in the way', () => {
  let s3: TestS3;
  beforeEach(async () => {
    s3 = await startTestS3({ buckets: [{ name: 'b' }] });
    closing.push(() => s3.close());
  });

  it('refuses objects with the reason, until it is put right', async () => {
    const blobs = join(s3.dataDir, 'blobs');
    await rename(blobs, `${blobs}.away`);
    await writeFile(blobs, '');
    const error = await refusalOf(put(s3.client, 'k', 'x'));
    expect(error.name).toBe('ServiceUnavailable');
    expect(error.message).toBe(
      `${s3.dataDir} cannot be used: a part of its path is a file; put that right and try again`,
    );
    expect(s3.problems).toEqual([error.message]);
    await rm(blobs);
    await rename(`${blobs}.away`, blobs);
    await put(s3.client, 'k', 'x');
    expect(await keys(s3.client)).toEqual(['k']);
  });
});

it('a journal whose rewrite finds the disk full is as before', async () => {
  const path = join(dataDir, 'journal.jsonl');
  const journal = await Journal.open(path, v.unknown(), () => undefined);
  journal.append({ number: 1 });
  // Takes no byte, as a disk that is full.
  await symlink('/dev/full', `${path}.new`);
  expect(() => journal.rewrite([{ number: 1 }])).toThrow('ENOSPC');
  journal.append({ number: 2 });
  journal.close();
  const found: unknown[] = [];
  const again = await Journal.open(path, v.unknown(), (entry) => found.push(entry));
  expect(found).toEqual([{ number: 1 }, { number: 2 }]);
  expect(again.damage).toBeUndefined();
  again.close();
});
