import { expect, it } from 'vitest';
import { listAll, type ObjectStore, type Piece } from '../../src/batch/object-store.ts';
import { distinctBytes } from '../support/distinct-bytes.ts';

const MiB = 1024 * 1024;

/** A piece, and what it holds. */
interface KnownPiece {
  readonly piece: Piece;
  readonly bytes: Uint8Array;
}

function fromMemory(sizeBytes: number, seed: number): KnownPiece {
  const bytes = distinctBytes(sizeBytes, seed);
  return { piece: bytes, bytes };
}

/** What a bucket must do for transform jobs to be exact: every implementation of the port passes it. */
export function describeObjectStore(open: () => ObjectStore): void {
  const text = async (store: ObjectStore, key: string) => {
    const object = await store.get(key);
    return object === undefined ? undefined : Buffer.from(object.body).toString();
  };

  it('knows no object that was not written', async () => {
    const store = open();
    expect(await store.head('none')).toBeUndefined();
    expect(await store.get('none')).toBeUndefined();
  });

  it('gives back what was written, with its size and metadata', async () => {
    const store = open();
    const key = 'a folder/näme + 100%?#&.txt';
    expect(await store.put(key, 'grüße', { metadata: { records: '3' } })).toBe('written');
    expect(await text(store, key)).toBe('grüße');
    const head = await store.head(key);
    expect(head).toMatchObject({ key, sizeBytes: 7, metadata: { records: '3' } });
    expect(head?.etag).toBe((await store.get(key))?.etag);
  });

  it('writes an empty object', async () => {
    const store = open();
    await store.put('empty', '');
    expect((await store.get('empty'))?.body.byteLength).toBe(0);
  });

  it('lets exactly one of many writers write with ifAbsent', async () => {
    const store = open();
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        store.put('once', `writer ${index}`, { ifAbsent: true }),
      ),
    );
    expect(outcomes.filter((outcome) => outcome === 'written')).toHaveLength(1);
    expect(await text(store, 'once')).toBe(`writer ${outcomes.indexOf('written')}`);
    expect(await store.put('once', 'again', { ifAbsent: true })).toBe('exists');
    expect(await store.put('once', 'replaced')).toBe('written');
    expect(await text(store, 'once')).toBe('replaced');
  });

  it('reads ranges of a pinned object, and refuses one that was replaced or is gone', async () => {
    const store = open();
    const body = distinctBytes(100_000, 1);
    await store.put('ranged', body);
    const pin = await store.head('ranged');
    if (pin === undefined) throw new Error('expected the object that was written');
    expect(Buffer.from(await store.read(pin, 0, 1))).toEqual(Buffer.from(body.subarray(0, 1)));
    expect(Buffer.from(await store.read(pin, 70_000, 100_000))).toEqual(
      Buffer.from(body.subarray(70_000)),
    );
    await store.put('ranged', distinctBytes(100_000, 2));
    await expect(store.read(pin, 0, 10)).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(store.read({ ...pin, key: 'gone' }, 0, 10)).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });

  it('reads into memory that it is given, and touches no more of it than it needs', async () => {
    const store = open();
    const body = distinctBytes(100_000, 1);
    await store.put('ranged', body);
    const pin = await store.head('ranged');
    if (pin === undefined) throw new Error('expected the object that was written');
    const memory = new Uint8Array(70_000).fill(7);
    const first = await store.read(pin, 0, 70_000, memory);
    expect(Buffer.from(first)).toEqual(Buffer.from(body.subarray(0, 70_000)));
    const second = await store.read(pin, 90_000, 100_000, memory);
    expect(second.byteLength).toBe(10_000);
    expect(second.buffer).toBe(memory.buffer);
    expect(Buffer.from(memory)).toEqual(
      Buffer.concat([body.subarray(90_000), body.subarray(10_000, 70_000)]),
    );
    expect(Buffer.from(await store.read(pin, 0, 70_000))).toEqual(
      Buffer.from(body).subarray(0, 70_000),
    );
  });

  // As little as S3 lets it be: a part that is not the last has 5 MiB at least.
  it('assembles pieces of any sizes in their order', async () => {
    const store = open();
    /** Writes an object, of which pieces can then be taken. */
    const stored = async (key: string, length: number, seed: number) => {
      const body = distinctBytes(length, seed);
      await store.put(key, body);
      const head = await store.head(key);
      if (head === undefined) throw new Error('expected the object that was written');
      return (start = 0, sizeBytes = length - start): KnownPiece => ({
        piece: start === 0 && sizeBytes === length ? head : { ...head, start, sizeBytes },
        bytes: body.subarray(start, start + sizeBytes),
      });
    };
    const small = await stored('small', 1000, 1);
    const large = await stored('large', 10.5 * MiB, 2);
    const barely = await stored('barely', 5 * MiB, 3);
    const cases: KnownPiece[][] = [
      [],
      [small()],
      [fromMemory(10, 5), small(), fromMemory(20, 6)],
      [barely()],
      [barely(), small(), barely(), fromMemory(3, 7)],
      [fromMemory(10, 8), large(), barely()],
      [fromMemory(5 * MiB + 1, 9), barely(), small()],
      [fromMemory(4, 1), large(4, 10 * MiB), small(999)],
      [large(5 * MiB), barely(1)],
    ];
    const keyOf = (index: number) => `assembled-${index}`;
    for (const [index, known] of cases.entries()) {
      const pieces = known.map(({ piece }) => piece);
      const options = { ifAbsent: true, metadata: { index: `${index}` } };
      expect(await store.assemble(keyOf(index), pieces, options)).toBe('written');
      const expected = Buffer.concat(known.map(({ bytes }) => bytes));
      const body = (await store.get(keyOf(index)))?.body ?? Buffer.of(1);
      expect(Buffer.compare(body, expected), keyOf(index)).toBe(0);
      expect((await store.head(keyOf(index)))?.metadata).toEqual({ index: `${index}` });
      // Whoever comes second changes nothing, whether it is one request or an upload of parts.
      const second = index % 2 === 0 ? fromMemory(10, 1) : barely();
      const outcome = await store.assemble(keyOf(index), [second.piece], { ifAbsent: true });
      expect(outcome).toBe('exists');
      expect((await store.head(keyOf(index)))?.sizeBytes).toBe(expected.byteLength);
    }
  });

  it('leaves nothing behind when a piece cannot be read', async () => {
    const store = open();
    const gone = { key: 'gone', etag: '"0"', sizeBytes: 6 * MiB };
    await expect(store.assemble('broken', [distinctBytes(9 * MiB, 1), gone])).rejects.toThrow();
    expect(await store.head('broken')).toBeUndefined();
  });

  it('lists keys in the order of their UTF-8 bytes, page by page', async () => {
    const store = open();
    // U+FF5E comes after U+1F600 in UTF-16 and before it in UTF-8.
    const keys = ['p/a b', 'p/a+b', 'p/a/1', 'p/a/2', 'p/b', 'p/ü', 'p/～', 'p/😀'];
    for (const key of [...keys, 'q/other']) await store.put(key, key);
    const listed = [];
    for await (const object of listAll(store, 'p/')) listed.push(object.key);
    expect(listed).toEqual(keys);
    const paged = [];
    let startAfter: string | undefined;
    do {
      const page = await store.list('p/', { startAfter, limit: 3 });
      expect(page.objects.length).toBeLessThanOrEqual(3);
      paged.push(...page.objects.map(({ key }) => key));
      startAfter = page.next;
    } while (startAfter !== undefined);
    expect(paged).toEqual(keys);
    expect((await store.list('p/a/', { startAfter: 'p/a/1' })).objects).toEqual([
      expect.objectContaining({
        key: 'p/a/2',
        sizeBytes: 5,
        etag: (await store.head('p/a/2'))?.etag,
      }),
    ]);
  });

  it('lists folders once each, also over pages', async () => {
    const store = open();
    for (const key of ['d/a/1', 'd/a/2', 'd/a0', 'd/b/1', 'd/c/x/y']) await store.put(key, key);
    const all = await store.list('d/', { delimiter: '/' });
    expect(all.prefixes).toEqual(['d/a/', 'd/b/', 'd/c/']);
    expect(all.objects.map(({ key }) => key)).toEqual(['d/a0']);
    const found: string[] = [];
    let startAfter: string | undefined;
    do {
      const page = await store.list('d/', { delimiter: '/', startAfter, limit: 1 });
      found.push(...page.prefixes, ...page.objects.map(({ key }) => key));
      startAfter = page.next;
    } while (startAfter !== undefined);
    expect(found).toEqual(['d/a/', 'd/a0', 'd/b/', 'd/c/']);
  });
}
