import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { distinctBytes } from '../support/distinct-bytes.ts';
import { bytesPerMiB, Downloads, sha256 } from './downloads.ts';

let downloads: Downloads;

beforeAll(async () => {
  downloads = await Downloads.start();
});
beforeEach(() => downloads.reset());
afterAll(() => downloads.close());

describe('a ranged download', () => {
  it('brings an object of many parts by ranges of 8 MiB, whole', async () => {
    const body = distinctBytes(20 * bytesPerMiB + 1);
    const etag = await downloads.put('large', body);
    const starts = downloads.recordRanges();
    await downloads.download('large', etag, body.byteLength, { sha256: sha256(body) });
    expect(downloads.downloaded().equals(body)).toBe(true);
    expect(starts.toSorted((a, b) => a - b)).toEqual([0, 8 * bytesPerMiB, 16 * bytesPerMiB]);
    expect(downloads.left()).toEqual(['model.onnx']);
  });

  it('brings a small object by one request', async () => {
    const body = distinctBytes(100);
    const etag = await downloads.put('small', body);
    const starts = downloads.recordRanges();
    await downloads.download('small', etag, body.byteLength);
    expect(downloads.downloaded().equals(body)).toBe(true);
    expect(starts).toEqual([0]);
  });

  it('brings an object of no bytes', async () => {
    const etag = await downloads.put('empty', new Uint8Array());
    const starts = downloads.recordRanges();
    await downloads.download('empty', etag, 0, { sha256: sha256(new Uint8Array()) });
    expect(downloads.downloaded().byteLength).toBe(0);
    expect(starts).toEqual([]);
  });

  it('hashes in order what arrives out of order', async () => {
    const body = distinctBytes(17 * bytesPerMiB + 12_345);
    const etag = await downloads.put('unordered', body);
    downloads.recordRanges((start) => (start === 0 ? 'slowBody' : undefined));
    await downloads.download('unordered', etag, body.byteLength, { sha256: sha256(body) });
    expect(downloads.downloaded().equals(body)).toBe(true);
  });

  it('goes on from where a range broke, and asks for nothing twice', async () => {
    const body = distinctBytes(17 * bytesPerMiB);
    const etag = await downloads.put('breaking', body);
    const second = 8 * bytesPerMiB;
    const starts = downloads.recordRanges((start) =>
      start === second ? 'resetMidBody' : undefined,
    );
    await downloads.download('breaking', etag, body.byteLength, { sha256: sha256(body) });
    expect(downloads.downloaded().equals(body)).toBe(true);
    expect(starts).toHaveLength(4);
    const retried = starts.at(-1) ?? 0;
    expect(retried).toBeGreaterThan(second);
    expect(retried).toBeLessThan(second + 8 * bytesPerMiB);
  });

  it('fails for now when the object was replaced before it was read', async () => {
    const body = distinctBytes(1000);
    const etag = await downloads.put('replaced', body);
    await downloads.put('replaced', distinctBytes(2000));
    await expect(downloads.download('replaced', etag, body.byteLength)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: 'model iris version 1: model.onnx: it was replaced while it was read',
    });
    expect(downloads.left()).toEqual([]);
  });

  it('fails for now when the object is replaced while it is read, and never mixes the two', async () => {
    const body = distinctBytes(17 * bytesPerMiB);
    const etag = await downloads.put('racing', body);
    const second = 8 * bytesPerMiB;
    let replacing: Promise<string> | undefined;
    let replaced = false;
    downloads.s3.setFaults({
      decide: ({ operation, discriminator }) => {
        if (operation !== 'GetObject') return undefined;
        const start = Number(/bytes=(\d+)-/.exec(discriminator)?.[1]);
        if (start < second || start >= 2 * second) return undefined;
        if (start === second) {
          replacing ??= downloads.put('racing', distinctBytes(64)).finally(() => {
            replaced = true;
          });
          return 'resetMidBody';
        }
        // What is left of the range is not had before the other object is there.
        return replaced ? undefined : 'internalError';
      },
    });
    await expect(
      downloads.download('racing', etag, body.byteLength, { sha256: sha256(body) }),
    ).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: 'model iris version 1: model.onnx: it was replaced while it was read',
    });
    await replacing;
    expect(downloads.left()).toEqual([]);
  });

  it('fails for now when S3 goes on failing, and tells no bucket', async () => {
    const body = distinctBytes(1000);
    const etag = await downloads.put('failing', body);
    let tries = 0;
    downloads.s3.setFaults({
      decide: () => {
        tries += 1;
        return 'internalError';
      },
    });
    const failed = downloads.download('failing', etag, body.byteLength);
    await expect(failed).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: 'model iris version 1: model.onnx: storage did not answer as expected',
    });
    expect(tries).toBe(5);
    expect(downloads.left()).toEqual([]);
  });

  it('asks only once for what no retry mends, such as bytes beyond the end', async () => {
    const etag = await downloads.put('short', distinctBytes(10));
    const starts = downloads.recordRanges();
    await expect(downloads.download('short', etag, 9 * bytesPerMiB)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    expect(starts).toHaveLength(new Set(starts).size);
    expect(downloads.left()).toEqual([]);
  });
});
