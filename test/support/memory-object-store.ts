import { createHash } from 'node:crypto';
import type {
  ListOptions,
  ListPage,
  ObjectHead,
  ObjectPin,
  ObjectStore,
  Piece,
  PutOptions,
  PutOutcome,
  StoredObject,
  StoredPiece,
} from '../../src/batch/object-store.ts';
import { ServingError } from '../../src/errors.ts';

interface Entry {
  readonly body: Uint8Array;
  readonly head: ObjectHead;
}

/** A bucket in memory: for property tests that run thousands of jobs. It passes the same suite as the S3 adapter. */
export class MemoryObjectStore implements ObjectStore {
  readonly #entries = new Map<string, Entry>();

  async head(key: string): Promise<ObjectHead | undefined> {
    return this.#entries.get(key)?.head;
  }

  async read(
    object: ObjectPin,
    start: number,
    end: number,
    memory = new Uint8Array(end - start),
  ): Promise<Uint8Array<ArrayBuffer>> {
    const entry = this.#entries.get(object.key);
    if (entry === undefined) throw new ServingError('NOT_FOUND', 'object is not found');
    if (entry.head.etag !== object.etag) {
      throw new ServingError('CONFLICT', 'object was replaced after it was named');
    }
    const bytes = entry.body.subarray(start, end);
    memory.set(bytes);
    return memory.subarray(0, bytes.byteLength);
  }

  async get(key: string): Promise<StoredObject | undefined> {
    const entry = this.#entries.get(key);
    return entry === undefined ? undefined : { body: entry.body.slice(), etag: entry.head.etag };
  }

  async put(key: string, body: Uint8Array | string, options: PutOptions = {}): Promise<PutOutcome> {
    if (options.ifAbsent === true && this.#entries.has(key)) return 'exists';
    const bytes = Uint8Array.from(typeof body === 'string' ? Buffer.from(body) : body);
    this.#entries.set(key, {
      body: bytes,
      head: {
        key,
        etag: `"${createHash('md5').update(bytes).digest('hex')}"`,
        sizeBytes: bytes.byteLength,
        metadata: { ...options.metadata },
      },
    });
    return 'written';
  }

  async assemble(
    key: string,
    pieces: Iterable<Piece> | AsyncIterable<Piece>,
    options: PutOptions = {},
  ): Promise<PutOutcome> {
    const bodies: Uint8Array[] = [];
    for await (const piece of pieces) {
      bodies.push(piece instanceof Uint8Array ? piece : await this.#readPiece(piece));
    }
    return this.put(key, Buffer.concat(bodies), options);
  }

  #readPiece(piece: StoredPiece): Promise<Uint8Array> {
    const { start = 0 } = piece;
    return this.read(piece, start, start + piece.sizeBytes);
  }

  async list(prefix: string, options: ListOptions = {}): Promise<ListPage> {
    const { startAfter, delimiter, limit = 1000 } = options;
    const keys = this.keys().filter(
      (key) =>
        key.startsWith(prefix) && (startAfter === undefined || compareKeys(key, startAfter) > 0),
    );
    const objects: ObjectHead[] = [];
    const prefixes = new Set<string>();
    let last = '';
    for (const key of keys) {
      const cut = delimiter === undefined ? -1 : key.indexOf(delimiter, prefix.length);
      const shared = cut < 0 ? undefined : key.slice(0, cut + 1);
      if (shared !== undefined && prefixes.has(shared)) continue;
      if (objects.length + prefixes.size === limit)
        return { objects, prefixes: [...prefixes], next: last };
      if (shared !== undefined) {
        prefixes.add(shared);
        last = `${shared}\u{10FFFF}`;
      } else {
        const entry = this.#entries.get(key);
        if (entry !== undefined) objects.push(entry.head);
        last = key;
      }
    }
    return { objects, prefixes: [...prefixes], next: undefined };
  }

  /** All keys in the order of a listing. */
  keys(): string[] {
    return [...this.#entries.keys()].sort(compareKeys);
  }
}

/** S3 orders keys by their UTF-8 bytes, which is not JavaScript's order of UTF-16 units. */
function compareKeys(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}
