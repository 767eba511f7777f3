import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AbortMultipartUploadCommand,
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { expect } from 'vitest';
import { startS3 } from '../../local/s3/server.ts';

/** An S3 to test against: the project's own, or the one that the environment names. */
export interface S3Endpoint {
  readonly client: S3Client;
  /** Creates a bucket of a name that nobody else has. */
  createBucket(options?: { readonly versioned?: boolean }): Promise<string>;
  /** Removes every bucket that was created, with what is in it, and ends the server where it is ours. */
  close(): Promise<void>;
}

/**
 * Opens the endpoint of `PILOTLIGHT_CONFORMANCE_S3_ENDPOINT` (moto, AWS; credentials and region as the SDK finds
 * them), and otherwise a server of the project's own over an empty folder.
 */
export async function openS3Endpoint(): Promise<S3Endpoint> {
  const external = process.env['PILOTLIGHT_CONFORMANCE_S3_ENDPOINT'];
  const own = external === undefined ? await startOwn() : undefined;
  const client =
    own?.client ??
    new S3Client({
      ...(external === undefined ? {} : { endpoint: external }),
      region: process.env['AWS_REGION'] ?? 'us-east-1',
    });
  const created: string[] = [];
  return {
    client,
    createBucket: async ({ versioned = false } = {}) => {
      const Bucket = `conformance-${randomBytes(8).toString('hex')}`;
      await client.send(new CreateBucketCommand({ Bucket }));
      created.push(Bucket);
      if (versioned) {
        const VersioningConfiguration = { Status: 'Enabled' } as const;
        await client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }));
      }
      return Bucket;
    },
    close: async () => {
      if (own === undefined) for (const bucket of created) await removeBucket(client, bucket);
      client.destroy();
      await own?.close();
    },
  };
}

/** A client for a server of our own: any credentials, everything else as the SDK has it. */
export function clientFor(url: string): S3Client {
  return new S3Client({
    endpoint: url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
}

/** Waits for a call to fail, and checks its error code and, where given, its HTTP status. */
export async function expectS3Error(
  call: Promise<unknown>,
  code: string,
  statusCode?: number,
): Promise<void> {
  await expect(call).rejects.toMatchObject({
    name: code,
    ...(statusCode === undefined ? {} : { $metadata: { httpStatusCode: statusCode } }),
  });
}

async function startOwn(): Promise<{ readonly client: S3Client; close(): Promise<void> }> {
  const dataDir = await mkdtemp(join(tmpdir(), 's3-conformance-'));
  const server = await startS3({ dataDir, onProblem: (_, error) => console.error(error) });
  return {
    client: clientFor(server.url),
    close: async () => {
      await server.close();
      await rm(dataDir, { recursive: true });
    },
  };
}

async function removeBucket(client: S3Client, Bucket: string): Promise<void> {
  const uploads = await client.send(new ListMultipartUploadsCommand({ Bucket }));
  for (const { Key, UploadId } of uploads.Uploads ?? []) {
    await client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }));
  }
  for (;;) {
    const page = await client.send(new ListObjectVersionsCommand({ Bucket }));
    for (const { Key, VersionId } of [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])]) {
      await client.send(new DeleteObjectCommand({ Bucket, Key, VersionId }));
    }
    if (page.IsTruncated !== true) break;
  }
  await client.send(new DeleteBucketCommand({ Bucket }));
}
