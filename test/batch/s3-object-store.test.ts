import { createHash } from 'node:crypto';
import { CreateBucketCommand, ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { S3ObjectStore } from '../../src/adapters/s3/object-store.ts';
import { StreamedObject } from '../../src/batch/streamed-object.ts';
import { type Laptop, startLaptop } from './laptop.ts';
import { describeObjectStore } from './object-store-suite.ts';

/** A bucket by the name of the test, so that faults, which depend on it, are the same each time. */
async function createBucket({ s3Client }: Laptop, test: string): Promise<string> {
  const Bucket = `test-${createHash('sha256').update(test).digest('hex').slice(0, 16)}`;
  await s3Client.send(new CreateBucketCommand({ Bucket }));
  return Bucket;
}

describe('a bucket of S3', () => {
  let laptop: Laptop;
  let bucket: string;

  beforeAll(async () => {
    laptop = await startLaptop();
  });
  beforeEach(async ({ task }) => {
    bucket = await createBucket(laptop, task.name);
  });
  afterAll(async () => {
    await laptop.close();
  });

  describeObjectStore(() => new S3ObjectStore(laptop.s3Client, bucket));

  const openUploads = async () =>
    (await laptop.s3Client.send(new ListMultipartUploadsCommand({ Bucket: bucket }))).Uploads ?? [];

  it('keeps no parts of an upload that was abandoned, or that came second', async () => {
    const store = new S3ObjectStore(laptop.s3Client, bucket);
    const abandoned = new StreamedObject(store, 'abandoned');
    const second = new StreamedObject(store, 'decided', { ifAbsent: true });
    for (let piece = 0; piece < 3; piece++) {
      await abandoned.write(new Uint8Array(9 * 1024 * 1024));
      await second.write(new Uint8Array(9 * 1024 * 1024));
    }
    expect(await openUploads()).toHaveLength(2);
    await abandoned.abandon();
    await store.put('decided', 'first');
    expect(await second.end()).toBe('exists');
    expect(await openUploads()).toEqual([]);
    expect(await store.head('abandoned')).toBeUndefined();
  });
});

describe('a bucket of S3 where requests fail, answers get lost and bodies break off', () => {
  let laptop: Laptop;
  let bucket: string;

  beforeAll(async () => {
    laptop = await startLaptop();
  });
  beforeEach(async ({ task }) => {
    laptop.s3.setFaults(undefined);
    bucket = await createBucket(laptop, task.name);
    laptop.s3.setFaults({
      seed: 7,
      slowBodyMs: 5,
      rates: {
        internalError: 0.08,
        slowDown: 0.02,
        resetBeforeAnswer: 0.05,
        resetMidBody: 0.15,
        slowBody: 0.05,
      },
    });
  });
  afterAll(async () => {
    await laptop.close();
  });

  describeObjectStore(() => new S3ObjectStore(laptop.s3Client, bucket));
});
