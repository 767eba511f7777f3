import {
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openS3Endpoint, type S3Endpoint } from '../../../support/s3-endpoint.ts';

let endpoint: S3Endpoint;
let client: S3Client;

beforeAll(async () => {
  endpoint = await openS3Endpoint();
  client = endpoint.client;
});
afterAll(() => endpoint.close());

test('parts are listed, page by page', async () => {
  const Bucket = await endpoint.createBucket();
  const Key = 'listed-parts';
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key }));
  for (const PartNumber of [1, 2, 5]) {
    const part = { Bucket, Key, UploadId, PartNumber, Body: 'x'.repeat(PartNumber) };
    await client.send(new UploadPartCommand(part));
  }
  const first = await client.send(new ListPartsCommand({ Bucket, Key, UploadId, MaxParts: 2 }));
  expect(first.Parts).toMatchObject([
    { PartNumber: 1, Size: 1 },
    { PartNumber: 2, Size: 2 },
  ]);
  expect(first).toMatchObject({ IsTruncated: true, NextPartNumberMarker: '2', UploadId, Key });
  const second = await client.send(
    new ListPartsCommand({ Bucket, Key, UploadId, PartNumberMarker: first.NextPartNumberMarker }),
  );
  expect(second.Parts).toMatchObject([{ PartNumber: 5, Size: 5 }]);
  expect(second.IsTruncated).toBe(false);
});

test('uploads under way are listed, by prefix, rolled up and page by page', async () => {
  const own = await endpoint.createBucket();
  const keys = ['a/1', 'a/1', 'a/2', 'b'];
  const ids = new Set<string | undefined>();
  for (const Key of keys) {
    const create = new CreateMultipartUploadCommand({ Bucket: own, Key });
    ids.add((await client.send(create)).UploadId);
  }
  const list = (more = {}) =>
    client.send(new ListMultipartUploadsCommand({ Bucket: own, ...more }));
  expect((await list()).Uploads?.map(({ Key }) => Key)).toEqual(keys);
  expect((await list({ Prefix: 'a/' })).Uploads).toHaveLength(3);
  const rolled = await list({ Delimiter: '/' });
  expect(rolled.CommonPrefixes).toEqual([{ Prefix: 'a/' }]);
  expect(rolled.Uploads?.map(({ Key }) => Key)).toEqual(['b']);
  const found = new Set<string | undefined>();
  for (let markers = {}, more = true; more; ) {
    const page = await list({ MaxUploads: 1, ...markers });
    for (const { UploadId } of page.Uploads ?? []) found.add(UploadId);
    markers = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
    more = page.IsTruncated === true;
  }
  expect(found).toEqual(ids);
});
