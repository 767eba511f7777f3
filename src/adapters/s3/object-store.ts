import { setTimeout as sleep } from 'node:timers/promises';
import {
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
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
} from '../../batch/object-store.ts';
import { ServingError } from '../../errors.ts';
import { BodyReceiver } from './body-receiver.ts';
import { isNotFound, s3Status, storageUnavailable } from './failure.ts';
import { assembleObject } from './object-store-assembly.ts';

const attemptsWithoutProgress = 5;
const conflictAttempts = 5;
const firstPauseMs = 50;
/** After every key below a prefix: the last code point, which XML can carry. */
const lastCharacter = '\u{10FFFF}';

/** Objects of one S3 bucket. */
export class S3ObjectStore implements ObjectStore {
  readonly #client: S3Client;
  readonly #receiver: BodyReceiver;
  readonly #bucket: string;

  constructor(client: S3Client, bucket: string) {
    this.#client = client;
    this.#receiver = new BodyReceiver(client);
    this.#bucket = bucket;
  }

  async head(key: string): Promise<ObjectHead | undefined> {
    try {
      const head = await this.#client.send(
        new HeadObjectCommand({ Bucket: this.#bucket, Key: key }),
      );
      if (head.ETag === undefined) throw new Error('S3 answered without an entity tag');
      return {
        key,
        etag: head.ETag,
        // A bucket that does not keep versions may say "null".
        versionId: head.VersionId === 'null' ? undefined : head.VersionId,
        sizeBytes: head.ContentLength ?? 0,
        metadata: head.Metadata ?? {},
      };
    } catch (cause) {
      if (isNotFound(cause)) return undefined;
      throw storageUnavailable('object', cause);
    }
  }

  async read(
    object: ObjectPin,
    start: number,
    end: number,
    memory: Uint8Array<ArrayBuffer> = Buffer.allocUnsafe(end - start),
  ): Promise<Uint8Array<ArrayBuffer>> {
    // The whole range has its memory at once: what has come stays when a connection breaks.
    const target = memory.subarray(0, end - start);
    let filled = 0;
    let failures = 0;
    while (filled < target.byteLength) {
      const before = filled;
      try {
        const { key, etag, versionId } = object;
        const range = { bucket: this.#bucket, key, etag, versionId, start: start + filled, end };
        await this.#receiver.receive(range, (bytes) => {
          if (filled + bytes.byteLength > target.byteLength) {
            throw new Error('S3 sent more than was asked for');
          }
          target.set(bytes, filled);
          filled += bytes.byteLength;
        });
        if (filled === before) throw new Error('S3 sent nothing');
      } catch (cause) {
        failures = filled > before ? 1 : failures + 1;
        refuseFinal(cause);
        if (failures >= attemptsWithoutProgress) throw storageUnavailable('object', cause);
        await sleep(firstPauseMs * 2 ** (failures - 1));
      }
    }
    return target;
  }

  async get(key: string): Promise<StoredObject | undefined> {
    for (let attempt = 1; ; attempt++) {
      try {
        const { Body, ETag } = await this.#client.send(
          new GetObjectCommand({ Bucket: this.#bucket, Key: key }),
        );
        if (Body === undefined || ETag === undefined) throw new Error('S3 answered without a body');
        return { body: await Body.transformToByteArray(), etag: ETag };
      } catch (cause) {
        if (isNotFound(cause)) return undefined;
        // The SDK retries until the head of the answer is there; a body that breaks is ours.
        if (attempt >= attemptsWithoutProgress) throw storageUnavailable('object', cause);
        await sleep(firstPauseMs * 2 ** (attempt - 1));
      }
    }
  }

  async put(key: string, body: Uint8Array | string, options: PutOptions = {}): Promise<PutOutcome> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#client.send(
          new PutObjectCommand({
            Bucket: this.#bucket,
            Key: key,
            Body: body,
            // The SDK takes a body of no bytes for one of unknown length.
            ContentLength: Buffer.byteLength(body),
            ContentType: options.contentType ?? 'application/octet-stream',
            Metadata: { ...options.metadata },
            ...(options.ifAbsent === true ? { IfNoneMatch: '*' } : {}),
          }),
        );
        return 'written';
      } catch (cause) {
        const status = s3Status(cause);
        if (status === 412) return 'exists';
        // 409 ConditionalRequestConflict: another write of the key was under way, and may have failed.
        if (status !== 409 || attempt >= conflictAttempts) {
          throw storageUnavailable('object', cause);
        }
        await sleep(firstPauseMs * 2 ** (attempt - 1));
      }
    }
  }

  assemble(
    key: string,
    pieces: Iterable<Piece> | AsyncIterable<Piece>,
    options: PutOptions = {},
  ): Promise<PutOutcome> {
    const target = { client: this.#client, bucket: this.#bucket, key, options };
    return assembleObject(target, this, pieces);
  }

  async list(prefix: string, options: ListOptions = {}): Promise<ListPage> {
    try {
      const page = await this.#client.send(
        new ListObjectsV2Command({
          Bucket: this.#bucket,
          Prefix: prefix,
          MaxKeys: options.limit ?? 1000,
          StartAfter: options.startAfter,
          Delimiter: options.delimiter,
          // Keys may hold characters that XML cannot carry.
          EncodingType: 'url',
        }),
      );
      const objects = (page.Contents ?? []).map(({ Key, ETag, Size }) => ({
        key: decodeListed(Key ?? ''),
        etag: ETag ?? '',
        sizeBytes: Size ?? 0,
      }));
      const prefixes = (page.CommonPrefixes ?? []).map(({ Prefix }) => decodeListed(Prefix ?? ''));
      return {
        objects,
        prefixes,
        next: page.IsTruncated === true ? after(objects, prefixes) : undefined,
      };
    } catch (cause) {
      throw storageUnavailable('listing', cause);
    }
  }
}

/** A key of a listing with `EncodingType: url`: form encoding, so a plus is a space. */
function decodeListed(encoded: string): string {
  return decodeURIComponent(encoded.replaceAll('+', ' '));
}

/** Where the next page starts: S3's own token would do, but a key can also be kept in a plan. */
function after(objects: ListPage['objects'], prefixes: readonly string[]): string | undefined {
  const object = objects.at(-1)?.key;
  const prefix = prefixes.at(-1);
  if (prefix === undefined) return object;
  const behindPrefix = `${prefix}${lastCharacter}`;
  if (object === undefined) return behindPrefix;
  return Buffer.compare(Buffer.from(object), Buffer.from(prefix)) > 0 ? object : behindPrefix;
}

/** @throws ServingError when trying again cannot help */
function refuseFinal(cause: unknown): void {
  const status = s3Status(cause);
  if (status === 404) throw new ServingError('NOT_FOUND', 'object is not found', { cause });
  if (status === 412) {
    throw new ServingError('CONFLICT', 'object was replaced after it was named', { cause });
  }
  if (status !== undefined && status >= 400 && status < 500 && status !== 408 && status !== 429) {
    throw storageUnavailable('object', cause);
  }
}
