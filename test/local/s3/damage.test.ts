import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  CreateMultipartUploadCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startTestS3, type TestS3 } from '../../support/s3-server.ts';

const buckets = [{ name: 'plain' }, { name: 'versioned', versioned: true }];

let s3: TestS3;
let journal: string;
beforeEach(async () => {
  s3 = await startTestS3({ buckets });
  journal = join(s3.dataDir, 'journal.jsonl');
});
afterEach(() => s3.close());

const put = (Key: string, Body: string, Bucket = 'plain') =>
  s3.client.send(new PutObjectCommand({ Bucket, Key, Body }));

async function keys(Bucket = 'plain'): Promise<(string | undefined)[]> {
  const { Contents = [] } = await s3.client.send(new ListObjectsV2Command({ Bucket }));
  return Contents.map(({ Key }) => Key);
}

async function textOf(Key: string, Bucket = 'plain'): Promise<string | undefined> {
  const { Body } = await s3.client.send(new GetObjectCommand({ Bucket, Key }));
  return Body?.transformToString();
}

/** Stops the server, changes its journal and starts it again. */
async function restartWith(change: (lines: string[]) => string[]): Promise<void> {
  await s3.server.close();
  const lines = (await readFile(journal, 'utf8')).trimEnd().split('\n');
  await writeFile(journal, `${change(lines).join('\n')}\n`);
  await s3.restart();
}

describe('a journal that is damaged', () => {
  test('costs the damaged lines alone, and is told of once', async () => {
    await put('a', 'first');
    await put('b', 'second');
    await put('c', 'third');
    let half = '';
    await restartWith((lines) =>
      lines.map((line) => {
        if (!line.includes('"key":"b"')) return line;
        half = line.slice(0, 40);
        return half;
      }),
    );
    expect(s3.problems).toEqual([
      `${journal} is damaged: dropped ${half.length + 1} bytes of lines that are damaged (1)`,
    ]);
    expect(await keys()).toEqual(['a', 'c']);
    expect(await textOf('c')).toBe('third');
    await s3.restart();
    expect(s3.problems).toHaveLength(1);
    expect(await keys()).toEqual(['a', 'c']);
  });

  test('keeps the objects of a bucket whose own line is lost', async () => {
    await put('k', 'kept', 'versioned');
    await restartWith((lines) =>
      lines.map((line) => (line.includes('"createBucket","bucket":"versioned"') ? '{"op":' : line)),
    );
    expect(await textOf('k', 'versioned')).toBe('kept');
  });

  test('brings back no object whose bytes are gone', async () => {
    await put('kept', 'x');
    await put('replaced', 'old');
    const address = { Bucket: 'plain', Key: 'upload' };
    const { UploadId } = await s3.client.send(new CreateMultipartUploadCommand(address));
    const part = { ...address, UploadId, PartNumber: 1 };
    await s3.client.send(new UploadPartCommand({ ...part, Body: 'old' }));
    await s3.server.close();
    const before = await readFile(journal);
    await s3.restart();
    await s3.client.send(new UploadPartCommand({ ...part, Body: 'new' }));
    await put('replaced', 'new');
    await s3.server.close();
    // In the middle of the line behind: that and all after it are lost.
    await truncate(journal, before.byteLength + 20);
    await s3.restart();
    expect(s3.problems).toEqual([
      `${journal} is damaged: dropped 20 bytes of a record that was cut short at its end, and with them 2 objects or uploads whose bytes are gone`,
    ]);
    expect(await keys()).toEqual(['kept']);
    expect(await textOf('kept')).toBe('x');
    const list = await s3.client.send(new ListMultipartUploadsCommand({ Bucket: 'plain' }));
    expect(list.Uploads ?? []).toEqual([]);
  });

  test('is told of when nothing is left of it', async () => {
    await put('a', 'x');
    await s3.server.close();
    await truncate(journal, 0);
    await s3.restart();
    expect(s3.problems).toEqual([`${journal} is empty or gone: dropped 1 objects that it named`]);
    expect(await keys()).toEqual([]);
  });
});
