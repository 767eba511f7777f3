/**
 * Port to one bucket: what transform jobs need of it, and what their exactness stands on. Reads after writes are
 * consistent, listings too, and a write with `ifAbsent` succeeds for exactly one of many writers.
 */
export interface ObjectStore {
  /** undefined when there is no such object. */
  head(key: string): Promise<ObjectHead | undefined>;

  /**
   * Bytes `start` (inclusive) to `end` (exclusive) of an object, pinned by entity tag; retried from where it broke.
   *
   * @param memory that the bytes are put into, as large as they are or larger; new memory without it
   * @throws ServingError NOT_FOUND when it is gone, CONFLICT when it is no longer the pinned one
   */
  read(
    object: ObjectPin,
    start: number,
    end: number,
    memory?: Uint8Array<ArrayBuffer>,
  ): Promise<Uint8Array<ArrayBuffer>>;

  /** A small object whole; undefined when there is no such object. */
  get(key: string): Promise<StoredObject | undefined>;

  /** Writes an object whole. `exists` only with `ifAbsent`: someone wrote it before, and it is left as it was. */
  put(key: string, body: Uint8Array | string, options?: PutOptions): Promise<PutOutcome>;

  /**
   * Writes an object that is the pieces in their order, whatever their sizes: what is large and stored already is
   * copied by the store, the rest passes through memory in pieces of a few MiB.
   */
  assemble(
    key: string,
    pieces: Iterable<Piece> | AsyncIterable<Piece>,
    options?: PutOptions,
  ): Promise<PutOutcome>;

  /** One page of keys in the order of their UTF-8 bytes. */
  list(prefix: string, options?: ListOptions): Promise<ListPage>;
}

export type PutOutcome = 'written' | 'exists';

/** An object as it was at one moment. */
export interface ObjectPin {
  readonly key: string;
  /** Entity tag with its quotes. */
  readonly etag: string;
  /** Version id, in a bucket that keeps versions: then also a replaced object can still be read. */
  readonly versionId?: string | undefined;
}

export interface ObjectHead extends ObjectPin {
  readonly sizeBytes: number;
  /** Names in lower case, values in ASCII. */
  readonly metadata: Readonly<Record<string, string>>;
}

export interface StoredObject {
  readonly body: Uint8Array;
  readonly etag: string;
}

/** Bytes, or those of an object that is stored already. */
export type Piece = Uint8Array | StoredPiece;

export interface StoredPiece extends ObjectPin {
  /** Where in the object the piece begins. @default 0 */
  readonly start?: number;
  /** Of the piece: all of the object's when it is the whole. */
  readonly sizeBytes: number;
}

export interface PutOptions {
  /** Write only when nothing is there. @default false */
  readonly ifAbsent?: boolean;
  /** @default application/octet-stream */
  readonly contentType?: string;
  /** At most 2 KB in all (S3's limit), ASCII. */
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface ListOptions {
  /** Only keys after this one. */
  readonly startAfter?: string | undefined;
  /** Keys that share the part up to this character after the prefix come as one of `prefixes`. */
  readonly delimiter?: string;
  /** At most 1,000. @default 1000 */
  readonly limit?: number;
}

export interface ListedObject {
  readonly key: string;
  readonly etag: string;
  readonly sizeBytes: number;
}

export interface ListPage {
  readonly objects: readonly ListedObject[];
  readonly prefixes: readonly string[];
  /** `startAfter` of the next page; undefined when this is the last. */
  readonly next: string | undefined;
}

/** Every object under a prefix, page by page. */
export async function* listAll(
  store: ObjectStore,
  prefix: string,
  startAfter?: string,
): AsyncGenerator<ListedObject> {
  let after = startAfter;
  do {
    const page = await store.list(prefix, { startAfter: after });
    yield* page.objects;
    after = page.next;
  } while (after !== undefined);
}
