import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type S3Server, startS3 } from '../../local/s3/server.ts';
import { downloadRanged } from '../../src/adapters/s3/ranged-download.ts';
import type { FileDigests } from '../../src/models/manifest.ts';

const bytesPerMiB = 1024 * 1024;
const root = mkdtempSync(join(tmpdir(), 'pilotlight-download-'));
let s3: S3Server;
let client: S3Client;
let folder: string;

beforeAll(async () => {
  s3 = await startS3({ dataDir: join(root, 's3'), buckets: [{ name: 'models' }] });
  client = new S3Client({
    endpoint: s3.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    // One request a try, so that what is retried here is not the SDK's doing.
    maxAttempts: 1,
  });
});
beforeEach(() => {
  folder = mkdtempSync(join(root, 'disk-'));
});
afterEach(() => s3.setFaults(undefined));
afterAll(async () => {
  client.destroy();
  await s3.close();
  rmSync(root, { recursive: true, force: true });
});

/** Bytes of which no part is like another. */
function bytesOf(sizeBytes: number): Buffer {
  const words = Uint32Array.from({ length: Math.ceil(sizeBytes / 4) }, (_, index) =>
    Math.imul(index + 1, 2_654_435_761),
  );
  return Buffer.from(words.buffer, 0, sizeBytes);
}

/** @returns the entity tag */
async function put(key: string, body: Uint8Array): Promise<string> {
  const { ETag } = await client.send(
    new PutObjectCommand({ Bucket: 'models', Key: key, Body: body }),
  );
  return ETag ?? '';
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** Digests as a manifest has them. */
function chunksOf(body: Buffer, sizeBytes: number) {
  const starts = Array.from(
    { length: Math.ceil(body.byteLength / sizeBytes) },
    (_, index) => index,
  );
  return {
    sizeBytes,
    sha256: starts.map((index) =>
      sha256(body.subarray(index * sizeBytes, (index + 1) * sizeBytes)),
    ),
  };
}

function download(
  key: string,
  etag: string,
  sizeBytes: number,
  digest?: string,
  chunks?: FileDigests['chunks'],
): Promise<void> {
  return downloadRanged(client, {
    bucket: 'models',
    key,
    etag,
    sizeBytes,
    destination: join(folder, 'below', 'model.onnx'),
    digests: digest === undefined ? undefined : { sha256: digest, chunks },
    label: 'model iris version 1: model.onnx',
  });
}

const downloaded = () => readFileSync(join(folder, 'below', 'model.onnx'));
const left = () => (existsSync(join(folder, 'below')) ? readdirSync(join(folder, 'below')) : []);

/** Where the ranges began that were asked for so far, in the order of asking. */
function recordRanges(
  fault?: (start: number, attempt: number) => 'resetMidBody' | 'slowBody' | undefined,
): number[] {
  const starts: number[] = [];
  s3.setFaults({
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

describe('a ranged download', () => {
  it('brings an object of many parts by ranges of 8 MiB, whole', async () => {
    const body = bytesOf(20 * bytesPerMiB + 1);
    const etag = await put('large', body);
    const starts = recordRanges();
    await download('large', etag, body.byteLength, sha256(body));
    expect(downloaded().equals(body)).toBe(true);
    expect(starts.toSorted((a, b) => a - b)).toEqual([0, 8 * bytesPerMiB, 16 * bytesPerMiB]);
    expect(left()).toEqual(['model.onnx']);
  });

  it('brings a small object by one request', async () => {
    const body = bytesOf(100);
    const etag = await put('small', body);
    const starts = recordRanges();
    await download('small', etag, body.byteLength);
    expect(downloaded().equals(body)).toBe(true);
    expect(starts).toEqual([0]);
  });

  it('brings an object of no bytes', async () => {
    const etag = await put('empty', new Uint8Array());
    const starts = recordRanges();
    await download('empty', etag, 0, sha256(new Uint8Array()));
    expect(downloaded().byteLength).toBe(0);
    expect(starts).toEqual([]);
  });

  it('hashes in order what arrives out of order', async () => {
    const body = bytesOf(17 * bytesPerMiB + 12_345);
    const etag = await put('unordered', body);
    recordRanges((start) => (start === 0 ? 'slowBody' : undefined));
    await download('unordered', etag, body.byteLength, sha256(body));
    expect(downloaded().equals(body)).toBe(true);
  });

  it('goes on from where a range broke, and asks for nothing twice', async () => {
    const body = bytesOf(17 * bytesPerMiB);
    const etag = await put('breaking', body);
    const second = 8 * bytesPerMiB;
    const starts = recordRanges((start) => (start === second ? 'resetMidBody' : undefined));
    await download('breaking', etag, body.byteLength, sha256(body));
    expect(downloaded().equals(body)).toBe(true);
    expect(starts).toHaveLength(4);
    const retried = starts.at(-1) ?? 0;
    expect(retried).toBeGreaterThan(second);
    expect(retried).toBeLessThan(second + 8 * bytesPerMiB);
  });

  it('fails for now when the object was replaced before it was read', async () => {
    const body = bytesOf(1000);
    const etag = await put('replaced', body);
    await put('replaced', bytesOf(2000));
    await expect(download('replaced', etag, body.byteLength)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: 'model iris version 1: model.onnx: it was replaced while it was read',
    });
    expect(left()).toEqual([]);
  });

  it('fails for now when the object is replaced while it is read, and never mixes the two', async () => {
    const body = bytesOf(17 * bytesPerMiB);
    const etag = await put('racing', body);
    const second = 8 * bytesPerMiB;
    let replacing: Promise<string> | undefined;
    let replaced = false;
    s3.setFaults({
      decide: ({ operation, discriminator }) => {
        if (operation !== 'GetObject') return undefined;
        const start = Number(/bytes=(\d+)-/.exec(discriminator)?.[1]);
        if (start < second || start >= 2 * second) return undefined;
        if (start === second) {
          replacing ??= put('racing', bytesOf(64)).finally(() => {
            replaced = true;
          });
          return 'resetMidBody';
        }
        // What is left of the range is not had before the other object is there.
        return replaced ? undefined : 'internalError';
      },
    });
    await expect(download('racing', etag, body.byteLength, sha256(body))).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: 'model iris version 1: model.onnx: it was replaced while it was read',
    });
    await replacing;
    expect(left()).toEqual([]);
  });

  it('fails for now when S3 goes on failing, and tells no bucket', async () => {
    const body = bytesOf(1000);
    const etag = await put('failing', body);
    let tries = 0;
    s3.setFaults({
      decide: () => {
        tries += 1;
        return 'internalError';
      },
    });
    const failed = download('failing', etag, body.byteLength);
    await expect(failed).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: 'model iris version 1: model.onnx: storage did not answer as expected',
    });
    expect(tries).toBe(5);
    expect(left()).toEqual([]);
  });

  it('asks only once for what no retry mends, such as bytes beyond the end', async () => {
    const etag = await put('short', bytesOf(10));
    const starts = recordRanges();
    await expect(download('short', etag, 9 * bytesPerMiB)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    expect(starts).toHaveLength(new Set(starts).size);
    expect(left()).toEqual([]);
  });

  it('holds each chunk against its own digest, in whatever order they come and wherever they break', async () => {
    const body = bytesOf(10 * bytesPerMiB + 5);
    const etag = await put('chunked', body);
    const chunks = chunksOf(body, 2 * bytesPerMiB);
    const starts = recordRanges((start) => {
      if (start === 0) return 'slowBody';
      return start === 4 * bytesPerMiB ? 'resetMidBody' : undefined;
    });
    await download('chunked', etag, body.byteLength, sha256(body), chunks);
    expect(downloaded().equals(body)).toBe(true);
    const wholeChunks = starts.filter((start) => start % chunks.sizeBytes === 0);
    expect(wholeChunks.toSorted((a, b) => a - b)).toEqual(
      [0, 2, 4, 6, 8, 10].map((index) => index * bytesPerMiB),
    );
    expect(starts).toHaveLength(7);
  });

  it('refuses a file of which one byte in any of its chunks is another', async () => {
    const body = bytesOf(4 * bytesPerMiB + 1);
    const chunks = chunksOf(body, bytesPerMiB);
    for (const place of [0, 2 * bytesPerMiB - 1, 3 * bytesPerMiB, 4 * bytesPerMiB]) {
      const damaged = Buffer.from(body);
      damaged.writeUInt8(damaged.readUInt8(place) ^ 1, place);
      const etag = await put('damaged', damaged);
      await expect(
        download('damaged', etag, body.byteLength, sha256(body), chunks),
        `byte ${place}`,
      ).rejects.toMatchObject({
        code: 'MODEL_UNAVAILABLE',
        message:
          "model iris version 1: model.onnx: the file's sha256 is not the one in its manifest",
      });
      expect(left()).toEqual([]);
    }
  });

  it('refuses a file whose digest is not the one in the manifest', async () => {
    const body = bytesOf(9 * bytesPerMiB);
    const etag = await put('corrupt', body);
    const wrong = sha256(bytesOf(10));
    await expect(download('corrupt', etag, body.byteLength, wrong)).rejects.toMatchObject({
      code: 'MODEL_UNAVAILABLE',
      message: "model iris version 1: model.onnx: the file's sha256 is not the one in its manifest",
    });
    expect(left()).toEqual([]);
  });
});
