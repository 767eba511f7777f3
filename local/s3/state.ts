import { SortedKeys } from './key-order.ts';
import type {
  Blob,
  Bucket,
  OpenUpload,
  OutboxMessage,
  Part,
  Upload,
  Version,
  VersioningStatus,
} from './model.ts';

/**
 * What happened, one line of the journal each. `outbox` holds the notifications that the change gives rise to:
 * being in the same line, they are lost only together with it.
 */
export type Entry = { readonly outbox?: readonly OutboxMessage[] } & (
  | { readonly op: 'createBucket'; readonly bucket: string; readonly createdMs: number }
  | { readonly op: 'deleteBucket'; readonly bucket: string }
  | { readonly op: 'setVersioning'; readonly bucket: string; readonly status: VersioningStatus }
  | {
      /** A new current version; in the place of the key's `null` version when it has that id. */
      readonly op: 'put';
      readonly bucket: string;
      readonly key: string;
      readonly version: Version;
      /** The upload that ends with it. */
      readonly uploadId?: string;
    }
  | {
      /** New attributes of a version, the bytes as they are. */
      readonly op: 'amend';
      readonly bucket: string;
      readonly key: string;
      readonly version: Version;
    }
  | {
      readonly op: 'removeVersion';
      readonly bucket: string;
      readonly key: string;
      readonly versionId: string;
    }
  | { readonly op: 'createUpload'; readonly bucket: string; readonly upload: Upload }
  | {
      readonly op: 'putPart';
      readonly bucket: string;
      readonly uploadId: string;
      readonly part: Part;
    }
  | { readonly op: 'abortUpload'; readonly bucket: string; readonly uploadId: string }
  /** A notification was configured for the first time. */
  | { readonly op: 'armNotification'; readonly notificationId: string }
  | { readonly op: 'delivered'; readonly id: string }
  /** The first line of a rewritten journal: the count goes on from there. */
  | { readonly op: 'sequence'; readonly value: number }
);

interface MutableBucket extends Bucket {
  versioning: VersioningStatus | undefined;
  readonly objects: Map<string, readonly Version[]>;
  readonly uploads: Map<string, MutableUpload>;
}

interface MutableUpload extends OpenUpload {
  readonly parts: Map<number, Part>;
}

/** Everything that the server knows, as the entries so far make it. Knows nothing of files or requests. */
export class State {
  readonly #buckets = new Map<string, MutableBucket>();
  readonly #outbox = new Map<string, OutboxMessage>();
  readonly #armed = new Set<string>();
  #sequence = 0;

  get buckets(): ReadonlyMap<string, Bucket> {
    return this.#buckets;
  }

  /** Notifications to deliver, oldest first. */
  get outbox(): ReadonlyMap<string, OutboxMessage> {
    return this.#outbox;
  }

  /** Ids of the notifications that were ever configured. */
  get armed(): ReadonlySet<string> {
    return this.#armed;
  }

  /** Grows with every entry, also over a restart: orders events. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Changes the state. @returns the blobs that nothing needs any more */
  apply(entry: Entry): readonly Blob[] {
    this.#sequence += 1;
    for (const message of entry.outbox ?? []) this.#outbox.set(message.id, message);
    switch (entry.op) {
      case 'createBucket':
        this.#buckets.set(entry.bucket, emptyBucket(entry.bucket, entry.createdMs));
        return [];
      case 'deleteBucket':
        this.#buckets.delete(entry.bucket);
        return [];
      case 'setVersioning':
        this.#bucket(entry.bucket).versioning = entry.status;
        return [];
      case 'put':
        return this.#put(this.#bucket(entry.bucket), entry.key, entry.version, entry.uploadId);
      case 'amend': {
        const { objects } = this.#bucket(entry.bucket);
        const versions = objects.get(entry.key) ?? [];
        const { versionId } = entry.version;
        objects.set(
          entry.key,
          versions.map((version) => (version.versionId === versionId ? entry.version : version)),
        );
        return [];
      }
      case 'removeVersion':
        return removeVersion(this.#bucket(entry.bucket), entry.key, entry.versionId);
      case 'createUpload':
        this.#bucket(entry.bucket).uploads.set(entry.upload.id, {
          ...entry.upload,
          parts: new Map(),
        });
        return [];
      case 'putPart': {
        const parts = this.#bucket(entry.bucket).uploads.get(entry.uploadId)?.parts;
        const replaced = parts?.get(entry.part.partNumber)?.blobs ?? [];
        parts?.set(entry.part.partNumber, entry.part);
        return replaced;
      }
      case 'abortUpload':
        return endUpload(this.#bucket(entry.bucket), entry.uploadId, []);
      case 'armNotification':
        this.#armed.add(entry.notificationId);
        return [];
      case 'delivered':
        this.#outbox.delete(entry.id);
        return [];
      case 'sequence':
        this.#sequence = Math.max(this.#sequence, entry.value);
        return [];
    }
  }

  /** The fewest entries that make this state. */
  *entries(): Generator<Entry> {
    yield { op: 'sequence', value: this.#sequence };
    for (const notificationId of this.#armed) yield { op: 'armNotification', notificationId };
    for (const bucket of this.#buckets.values()) yield* entriesOfBucket(bucket);
    // Any entry may carry the outbox; this one changes nothing else.
    yield { op: 'sequence', value: this.#sequence, outbox: [...this.#outbox.values()] };
  }

  #put(
    bucket: MutableBucket,
    key: string,
    version: Version,
    uploadId: string | undefined,
  ): readonly Blob[] {
    const kept = version.deleteMarker ? [] : version.blobs;
    const ended = uploadId === undefined ? [] : endUpload(bucket, uploadId, kept);
    const before = bucket.objects.get(key) ?? [];
    if (before.length === 0) bucket.keys.add(key);
    const replaced = before.find(({ versionId }) => versionId === version.versionId);
    bucket.objects.set(key, [version, ...before.filter((other) => other !== replaced)]);
    return [...ended, ...blobsOf(replaced)];
  }

  #bucket(name: string): MutableBucket {
    const bucket = this.#buckets.get(name);
    if (bucket === undefined)
      throw new Error(`the journal names bucket ${name}, which is not there`);
    return bucket;
  }
}

function emptyBucket(name: string, createdMs: number): MutableBucket {
  const objects = new Map<string, readonly Version[]>();
  const keys = new SortedKeys(() => objects.keys());
  return { name, createdMs, versioning: undefined, objects, keys, uploads: new Map() };
}

function removeVersion(bucket: MutableBucket, key: string, versionId: string): readonly Blob[] {
  const before = bucket.objects.get(key) ?? [];
  const after = before.filter((version) => version.versionId !== versionId);
  if (after.length > 0) {
    bucket.objects.set(key, after);
  } else if (before.length > 0) {
    bucket.keys.remove(key);
    bucket.objects.delete(key);
  }
  return before.filter((version) => version.versionId === versionId).flatMap(blobsOf);
}

function endUpload(bucket: MutableBucket, uploadId: string, kept: readonly Blob[]): Blob[] {
  const parts = bucket.uploads.get(uploadId)?.parts ?? new Map<number, Part>();
  bucket.uploads.delete(uploadId);
  const keptIds = new Set(kept.map(({ id }) => id));
  return [...parts.values()].flatMap(({ blobs }) => blobs).filter(({ id }) => !keptIds.has(id));
}

function blobsOf(version: Version | undefined): readonly Blob[] {
  return version === undefined || version.deleteMarker ? [] : version.blobs;
}

function* entriesOfBucket(bucket: MutableBucket): Generator<Entry> {
  const { name } = bucket;
  yield { op: 'createBucket', bucket: name, createdMs: bucket.createdMs };
  if (bucket.versioning !== undefined) {
    yield { op: 'setVersioning', bucket: name, status: bucket.versioning };
  }
  for (const [key, versions] of bucket.objects) {
    for (const version of versions.toReversed()) yield { op: 'put', bucket: name, key, version };
  }
  for (const { parts, ...upload } of bucket.uploads.values()) {
    yield { op: 'createUpload', bucket: name, upload };
    for (const part of parts.values()) {
      yield { op: 'putPart', bucket: name, uploadId: upload.id, part };
    }
  }
}

/** All blobs that a state needs: everything else in the blob folder is left over from a crash. */
export function* referencedBlobs(state: State): Generator<string> {
  for (const { objects, uploads } of state.buckets.values()) {
    for (const versions of objects.values()) {
      for (const { id } of versions.flatMap(blobsOf)) yield id;
    }
    for (const { parts } of uploads.values()) {
      for (const { blobs } of parts.values()) for (const { id } of blobs) yield id;
    }
  }
}
