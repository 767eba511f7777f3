import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { type S3Server, startS3 } from '../../local/s3/server.ts';
import { downloadRanged } from '../../src/adapters/s3/ranged-download.ts';
import type { FileDigests } from '../../src/models/manifest.ts';

export const bytesPerMiB = 1024 * 1024;

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** A bucket, and a folder that its objects are downloaded to. */
export class Downloads {
  readonly s3: S3Server;
  readonly #root: string;
  readonly #client: S3Client;
  #folder: string;

  private constructor(s3: S3Server, root: string) {
    this.s3 = s3;
    this.#root = root;
    this.#folder = root;
    this.#client = new S3Client({
      endpoint: s3.url,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      // One request a try, so that what is retried here is not the SDK's doing.
      maxAttempts: 1,
    });
  }

  static async start(): Promise<Downloads> {
    const root = mkdtempSync(join(tmpdir(), 'pilotlight-download-'));
    const s3 = await startS3({ dataDir: join(root, 's3'), buckets: [{ name: 'models' }] });
    return new Downloads(s3, root);
  }

  /** Ends faults, and goes on in a folder that is empty. */
  reset(): void {
    this.s3.setFaults(undefined);
    this.#folder = join(mkdtempSync(join(this.#root, 'disk-')), 'below');
  }

  /** @returns the entity tag */
  async put(key: string, body: Uint8Array): Promise<string> {
    const { ETag } = await this.#client.send(
      new PutObjectCommand({ Bucket: 'models', Key: key, Body: body }),
    );
    return ETag ?? '';
  }

  download(key: string, etag: string, sizeBytes: number, digests?: FileDigests): Promise<void> {
    return downloadRanged(this.#client, {
      bucket: 'models',
      key,
      etag,
      sizeBytes,
      destination: join(this.#folder, 'model.onnx'),
      digests,
      label: 'model iris version 1: model.onnx',
    });
  }

  /** What came. */
  downloaded(): Buffer {
    return readFileSync(join(this.#folder, 'model.onnx'));
  }

  /** Names of the files that are there. */
  left(): string[] {
    return existsSync(this.#folder) ? readdirSync(this.#folder) : [];
  }

  /** Where the ranges began that were asked for so far, in the order of asking. */
  recordRanges(
    fault?: (start: number, attempt: number) => 'resetMidBody' | 'slowBody' | undefined,
  ): number[] {
    const starts: number[] = [];
    this.s3.setFaults({
      slowBodyMs: 2,
      decide: ({ operation, discriminator, attempt }) => {
        if (operation !== 'GetObject') return undefined;
        const start = Number(/bytes=(\d+)-/.exec(discriminator)?.[1]);
        starts.push(start);
        return fault?.(start, attempt);
      },
    });
    return starts;
  }

  async close(): Promise<void> {
    this.#client.destroy();
    await this.s3.close();
    rmSync(this.#root, { recursive: true, force: true });
  }
}
