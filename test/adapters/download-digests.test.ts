import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { distinctBytes } from '../support/distinct-bytes.ts';
import { bytesPerMiB, Downloads, sha256 } from './downloads.ts';

let downloads: Downloads;

beforeAll(async () => {
  downloads = await Downloads.start();
});
beforeEach(() => downloads.reset());
afterAll(() => downloads.close());

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

describe('a ranged download', () => {
  it('holds each chunk against its own digest, in whatever order they come and wherever they break', async () => {
    const body = distinctBytes(10 * bytesPerMiB + 5);
    const etag = await downloads.put('chunked', body);
    const chunks = chunksOf(body, 2 * bytesPerMiB);
    const starts = downloads.recordRanges((start) => {
      if (start === 0) return 'slowBody';
      return start === 4 * bytesPerMiB ? 'resetMidBody' : undefined;
    });
    await downloads.download('chunked', etag, body.byteLength, { sha256: sha256(body), chunks });
    expect(downloads.downloaded().equals(body)).toBe(true);
    const wholeChunks = starts.filter((start) => start % chunks.sizeBytes === 0);
    expect(wholeChunks.toSorted((a, b) => a - b)).toEqual(
      [0, 2, 4, 6, 8, 10].map((index) => index * bytesPerMiB),
    );
    expect(starts).toHaveLength(7);
  });

  it('refuses a file of which one byte in any of its chunks is another', async () => {
    const body = distinctBytes(4 * bytesPerMiB + 1);
    const chunks = chunksOf(body, bytesPerMiB);
    for (const place of [0, 2 * bytesPerMiB - 1, 3 * bytesPerMiB, 4 * bytesPerMiB]) {
      const damaged = Buffer.from(body);
      damaged.writeUInt8(damaged.readUInt8(place) ^ 1, place);
      const etag = await downloads.put('damaged', damaged);
      await expect(
        downloads.download('damaged', etag, body.byteLength, { sha256: sha256(body), chunks }),
        `byte ${place}`,
      ).rejects.toMatchObject({
        code: 'MODEL_UNAVAILABLE',
        message:
          "model iris version 1: model.onnx: the file's sha256 is not the one in its manifest",
      });
      expect(downloads.left()).toEqual([]);
    }
  });

  it('refuses a file whose digest is not the one in the manifest', async () => {
    const body = distinctBytes(9 * bytesPerMiB);
    const etag = await downloads.put('corrupt', body);
    const wrong = { sha256: sha256(distinctBytes(10)) };
    await expect(downloads.download('corrupt', etag, body.byteLength, wrong)).rejects.toMatchObject(
      {
        code: 'MODEL_UNAVAILABLE',
        message:
          "model iris version 1: model.onnx: the file's sha256 is not the one in its manifest",
      },
    );
    expect(downloads.left()).toEqual([]);
  });
});
