import { describe, expect, it } from 'vitest';
import { parseManifest } from '../../src/models/manifest.ts';

const bytesPerMiB = 1024 * 1024;
const digest = '0'.repeat(64);

const manifest = (sizeBytes: number, chunks: object) =>
  parseManifest(
    'model iris version 1',
    JSON.stringify({ files: [{ path: 'model.onnx', sizeBytes, sha256: digest, chunks }] }),
  );

describe('the chunks of a file in a manifest', () => {
  it('have a digest each, the last one too, however short it is', () => {
    const chunks = { sizeBytes: 2 * bytesPerMiB, sha256: [digest, digest] };
    const [file] = manifest(2 * bytesPerMiB + 1, chunks).files;
    expect(file?.chunks).toEqual(chunks);
  });

  it.each([
    [4 * bytesPerMiB + 1, 'too few'],
    [2 * bytesPerMiB, 'too many'],
  ])('of %i bytes are refused when they have digests for others: %s', (sizeBytes) => {
    const chunks = { sizeBytes: 2 * bytesPerMiB, sha256: [digest, digest] };
    expect(() => manifest(sizeBytes, chunks)).toThrow(
      'model iris version 1: manifest.json: files.0: chunks: expected one digest for each chunk',
    );
  });

  it.each([1024, 65 * bytesPerMiB, 1.5 * bytesPerMiB + 0.5])(
    'are no smaller or larger than one request is good for: %d bytes',
    (sizeBytes) => {
      expect(() => manifest(sizeBytes, { sizeBytes, sha256: [digest] })).toThrow(
        'manifest.json: files.0.',
      );
    },
  );
});
