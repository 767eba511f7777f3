import { appendFile, mkdir, readFile, truncate, writeFile } from 'node:fs/promises';
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
import { filesBelow, startTestS3, type TestS3 } from '../../support/s3-server.ts';

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
      `${journal} is damaged and kept as journal.jsonl.damaged: dropped ${half.length + 1} bytes of lines that are damaged (1)`,
    ]);
    expect(await keys()).toEqual(['a', 'c']);
    expect(await textOf('c')).toBe('third');
    await s3.restart();
    expect(s3.problems).toHaveLength(1);
    expect(await keys()).toEqual(['a', 'c']);
  });

  test('drops lines that are JSON and no entries, however near they come', async () => {
    await put('a', 'first');
    await s3.server.close();
    const [whole = ''] = (await readFile(journal, 'utf8')).match(/.*"key":"a".*/) ?? [];
    const near = [
      '{"op":"put","bucket":"plain","key":"b"}',
      '{"op":"put","bucket":"plain","key":"b","version":{}}',
      whole.replace('"sizeBytes":5', '"sizeBytes":"5"'),
      whole.replace(/"id":"[0-9a-f]+"/, '"id":"../../journal.jsonl"'),
      whole.replace(/"lastModifiedMs":[0-9]+/, '"lastModifiedMs":9007199254740991'),
      whole.replace('"tags":{}', '"tags":{"n":1}'),
      whole.replace(/\}$/, ',"outbox":[{"id":"1"}]}'),
      '{"op":"amend","bucket":"plain","key":"a","version":{"deleteMarker":false}}',
      '{"op":"createUpload","bucket":"plain"}',
      '{"op":"putPart","bucket":"plain","uploadId":"1"}',
      '{"op":"createBucket","bucket":7,"createdMs":0}',
      '{"op":"createBucket","bucket":"more"}',
      '{"op":"setVersioning","bucket":"plain","status":"On"}',
      '{"op":"removeVersion"}',
      '{"op":"sequence","value":"1"}',
      '{"op":"delivered","id":"1","outbox":7}',
      '{"op":"toString"}',
    ].filter((line) => line !== whole);
    await appendFile(journal, `${near.join('\n')}\n`);
    await s3.restart();
    const bytes = near.reduce((sum, line) => sum + line.length + 1, 0);
    expect(near).toHaveLength(17);
    expect(s3.problems).toEqual([
      `${journal} is damaged and kept as journal.jsonl.damaged: dropped ${bytes} bytes of lines that are damaged (17)`,
    ]);
    expect(await keys()).toEqual(['a']);
    expect(await textOf('a')).toBe('first');
  });

  test('is kept as it was, in the place of one before', async () => {
    await put('a', 'x');
    for (const damage of ['no JSON\n', '{"op":"cut']) {
      await s3.server.close();
      await appendFile(journal, damage);
      const damaged = await readFile(journal, 'utf8');
      await s3.restart();
      expect(await readFile(`${journal}.damaged`, 'utf8')).toBe(damaged);
      expect(await readFile(journal, 'utf8')).not.toContain(damage);
    }
    const kept = await readFile(`${journal}.damaged`, 'utf8');
    await s3.restart();
    expect(await readFile(`${journal}.damaged`, 'utf8')).toBe(kept);
    expect(s3.problems).toHaveLength(2);
  });

  test('costs no more where it cannot be kept, and that is said', async () => {
    await put('a', 'x');
    await s3.server.close();
    await appendFile(journal, 'no JSON\n');
    await mkdir(`${journal}.damaged`);
    await s3.restart();
    expect(s3.problems).toEqual([
      `${journal} is damaged (no copy of it could be kept: a folder stands where a file should): dropped 8 bytes of lines that are damaged (1)`,
    ]);
    expect(await keys()).toEqual(['a']);
    expect(await filesBelow(s3.dataDir)).not.toContain('journal.jsonl.damaged.new');
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
      `${journal} is damaged and kept as journal.jsonl.damaged: dropped 20 bytes of a record that was cut short at its end, and with them 2 objects or uploads whose bytes are gone`,
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
