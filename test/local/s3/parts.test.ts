import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeAwsChunked } from '../../../local/s3/aws-chunked.ts';
import { createHasher, digestBase64 } from '../../../local/s3/checksums.ts';
import { combineCrcs } from '../../../local/s3/crc-combine.ts';
import { compareKeys, SortedKeys } from '../../../local/s3/key-order.ts';
import { type ListingEntry, listPage } from '../../../local/s3/listing.ts';

const anyKey = fc.string({ unit: 'binary', maxLength: 6 });

describe('the order of keys', () => {
  test('is the one of their UTF-8 bytes', () => {
    fc.assert(
      fc.property(anyKey, anyKey, (a, b) => {
        expect(Math.sign(compareKeys(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
    );
  });

  test('is kept while keys come and go', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), anyKey)), (changes) => {
        const keys = new Set<string>(['start']);
        const sorted = new SortedKeys(() => keys);
        expect(sorted.all).toEqual(['start']);
        for (const [adds, key] of changes) {
          if (adds && !keys.has(key)) sorted.add(key);
          if (!adds && keys.has(key)) sorted.remove(key);
          if (adds) keys.add(key);
          else keys.delete(key);
        }
        expect(sorted.all).toEqual([...keys].sort(compareKeys));
      }),
    );
  });
});

describe('a listing in pages', () => {
  // Few characters, so that prefixes and delimiters meet often.
  const key = fc.string({ unit: fc.constantFrom('a', 'b', '/', '😀', '\uff5e'), maxLength: 6 });

  /** What S3's documentation says, key by key and without an index. */
  function expected(keys: readonly string[], prefix: string, delimiter: string, after: string) {
    const entries = new Map<string, ListingEntry>();
    for (const name of keys) {
      if (!name.startsWith(prefix) || compareKeys(name, after) <= 0) continue;
      const found = delimiter === '' ? -1 : name.indexOf(delimiter, prefix.length);
      const common = name.slice(0, found + delimiter.length);
      if (found < 0) entries.set(name, { kind: 'key', name });
      else entries.set(common, { kind: 'prefix', name: common });
    }
    return [...entries.values()];
  }

  test('gives every key and common prefix once, in order', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(key.filter((each) => each !== '')),
        fc.constantFrom('', 'a', 'a/', 'b'),
        fc.constantFrom('', '/', 'b', '/a'),
        fc.constantFrom('', 'a', 'ab', 'b'),
        fc.integer({ min: 1, max: 4 }),
        (keys, prefix, delimiter, start, limit) => {
          const sorted = new SortedKeys(() => keys);
          const found: ListingEntry[] = [];
          let after: string = start;
          for (let truncated = true; truncated; ) {
            const page = listPage(sorted, { prefix, delimiter, after, limit }, () => true);
            found.push(...page.entries);
            truncated = page.truncated;
            after = page.entries.at(-1)?.name ?? after;
          }
          // A start that is a common prefix itself counts as one that was given already.
          const all = expected([...keys].sort(compareKeys), prefix, delimiter, start);
          expect(found).toEqual(all.filter(({ kind, name }) => kind === 'key' || name !== start));
        },
      ),
      { numRuns: 500 },
    );
  });

  test('leaves out what is not visible', () => {
    const sorted = new SortedKeys(() => ['a/1', 'a/2', 'b/1', 'c']);
    const query = { prefix: '', delimiter: '/', after: '', limit: 10 };
    const page = listPage(sorted, query, (name) => name !== 'b/1' && name !== 'a/1');
    expect(page.entries.map(({ name }) => name)).toEqual(['a/', 'c']);
  });
});

describe('checksums of parts', () => {
  const parts = fc.array(fc.uint8Array({ maxLength: 50 }), { minLength: 1, maxLength: 6 });

  test.each(['CRC32', 'CRC32C', 'CRC64NVME'] as const)(
    '%s of the whole follows from them',
    async (algorithm) => {
      const sum = async (bytes: Uint8Array) => {
        const hasher = createHasher(algorithm);
        hasher.update(bytes);
        return await digestBase64(hasher);
      };
      await fc.assert(
        fc.asyncProperty(parts, async (chunks) => {
          const named = await Promise.all(
            chunks.map(async (bytes) => ({ value: await sum(bytes), sizeBytes: bytes.length })),
          );
          expect(combineCrcs(algorithm, named)).toBe(await sum(Buffer.concat(chunks)));
        }),
      );
    },
  );

  test('are quick to combine where there are as many as can be', async () => {
    const part = Buffer.alloc(1024, 7);
    const value = Buffer.alloc(4);
    value.writeUInt32BE(crc32(part));
    const one = { value: value.toString('base64'), sizeBytes: part.byteLength };
    const start = performance.now();
    const whole = combineCrcs('CRC32', Array(10_000).fill(one));
    expect(performance.now() - start).toBeLessThan(2000);
    value.writeUInt32BE(crc32(Buffer.alloc(1024 * 10_000, 7)));
    expect(whole).toBe(value.toString('base64'));
  });

  test('that are no CRCs cannot be combined', () => {
    expect(() => combineCrcs('SHA256', [{ value: 'AA==', sizeBytes: 1 }])).toThrow('SHA256');
  });
});

test('an aws-chunked body is the same however the network cuts it', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 })),
      fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 }),
      async (chunks, cuts) => {
        const encoded = Buffer.concat([
          ...chunks.map((chunk) =>
            Buffer.concat([
              Buffer.from(`${chunk.length.toString(16)}\r\n`),
              chunk,
              Buffer.from('\r\n'),
            ]),
          ),
          Buffer.from('0\r\nX-Amz-Checksum-Crc32: AAAA\r\n\r\n'),
        ]);
        const decoded: Buffer[] = [];
        let trailers = new Map<string, string>();
        for await (const bytes of decodeAwsChunked(cut(encoded, cuts), (found) => {
          trailers = new Map(found);
        })) {
          decoded.push(bytes);
        }
        expect(Buffer.concat(decoded).equals(Buffer.concat(chunks))).toBe(true);
        expect([...trailers]).toEqual([['x-amz-checksum-crc32', 'AAAA']]);
      },
    ),
  );
});

async function* cut(bytes: Buffer, lengths: readonly number[]): AsyncGenerator<Buffer> {
  for (let start = 0, index = 0; start < bytes.byteLength; index += 1) {
    const length = lengths[index % lengths.length] ?? 1;
    yield bytes.subarray(start, start + length);
    start += length;
  }
}
