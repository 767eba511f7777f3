import { randomBytes } from 'node:crypto';
import type { BlobFolder } from './blobs.ts';
import { ConditionalWrites } from './conditional-writes.ts';
import type { WriteConditions } from './conditions.ts';
import type { DurableState } from './durable-state.ts';
import { S3Error } from './errors.ts';
import type { EventName, ObjectEvent } from './events.ts';
import {
  type Bucket,
  currentObject,
  type DeleteMarker,
  type ObjectVersion,
  type OpenUpload,
  type OutboxMessage,
  type Part,
  type Upload,
  type Version,
  type VersioningStatus,
} from './model.ts';
import type { Entry, State } from './state.ts';
import { openStorage } from './storage.ts';

export interface StoreOptions {
  readonly dataDir: string;
  /** The notifications that an event gives rise to. */
  readonly messagesFor: (event: ObjectEvent) => readonly OutboxMessage[];
  /** Told of what was lost from a damaged journal, and of rewrites that failed. */
  readonly onProblem: (message: string, error?: unknown) => void;
  /** Called after the messages are durable. */
  readonly onMessages: (messages: readonly OutboxMessage[]) => void;
}

/** A version as a writer describes it: id and time are the store's. */
export type VersionDraft = Omit<ObjectVersion, 'deleteMarker' | 'versionId' | 'lastModifiedMs'>;

/** What a delete did. */
export interface Deletion {
  /** Undefined in a bucket that never had versioning. */
  readonly versionId: string | undefined;
  /** Whether a delete marker was made or removed. */
  readonly deleteMarker: boolean;
}

/**
 * Buckets, objects and uploads. Every change is one synchronous step: look, write one line of the journal,
 * change the state. So of two writers with a condition exactly one can win, without a lock, and a crash finds
 * the change whole or not at all. The bytes of objects are written before, as blobs that nothing names yet.
 */
export class Store {
  readonly #options: StoreOptions;
  readonly #durable: DurableState;
  readonly #state: State;
  readonly #conditionalWrites = new ConditionalWrites();
  readonly blobs: BlobFolder;

  static async open(options: StoreOptions): Promise<Store> {
    const { durable, blobs } = await openStorage(options.dataDir, options.onProblem);
    return new Store(options, durable, blobs);
  }

  private constructor(options: StoreOptions, durable: DurableState, blobs: BlobFolder) {
    this.#options = options;
    this.#durable = durable;
    this.#state = durable.state;
    this.blobs = blobs;
  }

  get buckets(): readonly Bucket[] {
    return [...this.#state.buckets.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Notifications that earlier runs left undelivered, and those of this one. */
  get outbox(): readonly OutboxMessage[] {
    return [...this.#state.outbox.values()];
  }

  /** Grows with every change, also over a restart. */
  get sequence(): number {
    return this.#state.sequence;
  }

  hasBucket(name: string): boolean {
    return this.#state.buckets.has(name);
  }

  /** @throws S3Error NoSuchBucket */
  bucket(name: string): Bucket {
    const bucket = this.#state.buckets.get(name);
    if (bucket === undefined) {
      throw new S3Error('NoSuchBucket', { details: { BucketName: name } });
    }
    return bucket;
  }

  createBucket(name: string): void {
    this.#commit({ op: 'createBucket', bucket: name, createdMs: Date.now() });
  }

  /** @throws S3Error NoSuchBucket, or BucketNotEmpty while a version or an upload is in it */
  deleteBucket(name: string): void {
    const { objects, uploads } = this.bucket(name);
    if (objects.size > 0 || uploads.size > 0) {
      throw new S3Error('BucketNotEmpty', { details: { BucketName: name } });
    }
    this.#commit({ op: 'deleteBucket', bucket: name });
  }

  setVersioning(name: string, status: VersioningStatus): void {
    if (this.bucket(name).versioning === status) return;
    this.#commit({ op: 'setVersioning', bucket: name, status });
  }

  /** Runs a write of one key under conditions: see `ConditionalWrites.run`. */
  underConditions<T>(
    bucket: string,
    key: string,
    conditions: WriteConditions,
    write: (check: () => void) => Promise<T>,
  ): Promise<T> {
    const current = (): ObjectVersion | undefined => currentObject(this.bucket(bucket), key);
    return this.#conditionalWrites.run(bucket, key, conditions, current, write);
  }

  /** Makes a new current version. @throws what `check` throws, and then nothing is changed */
  putObject(
    bucket: string,
    key: string,
    draft: VersionDraft,
    event: EventName,
    check: () => void,
  ): ObjectVersion {
    check();
    const { versioning } = this.bucket(bucket);
    const version: ObjectVersion = {
      ...draft,
      deleteMarker: false,
      versionId: versioning === 'Enabled' ? newVersionId() : 'null',
      lastModifiedMs: Date.now(),
    };
    const uploadId = draft.upload?.id;
    this.#commit({
      op: 'put',
      bucket,
      key,
      version,
      ...(uploadId === undefined ? {} : { uploadId }),
      outbox: this.#messages(event, bucket, key, version),
    });
    return version;
  }

  /** Replaces the attributes of a version that is there. */
  amendObject(bucket: string, key: string, version: ObjectVersion): void {
    this.#commit({ op: 'amend', bucket, key, version });
  }

  /** Deletes the current version (in a bucket with versioning: hides it) or the version of an id. */
  deleteObject(bucket: string, key: string, versionId: string | undefined): Deletion {
    const { objects, versioning } = this.bucket(bucket);
    if (currentObject(this.bucket(bucket), key) !== undefined) {
      this.#conditionalWrites.noteDeleted(bucket, key);
    }
    if (versioning !== undefined && versionId === undefined) {
      const marker: DeleteMarker = {
        deleteMarker: true,
        versionId: versioning === 'Enabled' ? newVersionId() : 'null',
        lastModifiedMs: Date.now(),
      };
      const outbox = this.#messages('ObjectRemoved:DeleteMarkerCreated', bucket, key, marker);
      this.#commit({ op: 'put', bucket, key, version: marker, outbox });
      return { versionId: marker.versionId, deleteMarker: true };
    }
    const doomedId = versionId ?? 'null';
    const doomed = objects.get(key)?.find((version) => version.versionId === doomedId);
    if (doomed !== undefined) {
      const outbox = this.#messages('ObjectRemoved:Delete', bucket, key, doomed);
      this.#commit({ op: 'removeVersion', bucket, key, versionId: doomedId, outbox });
    }
    return { versionId, deleteMarker: doomed?.deleteMarker ?? false };
  }

  createUpload(bucket: string, upload: Omit<Upload, 'id' | 'initiatedMs'>): Upload {
    const id = randomBytes(48).toString('base64url');
    const created = { ...upload, id, initiatedMs: Date.now() };
    this.#commit({ op: 'createUpload', bucket, upload: created });
    return created;
  }

  /** @throws S3Error NoSuchUpload */
  upload(bucket: string, key: string, uploadId: string): OpenUpload {
    const upload = this.bucket(bucket).uploads.get(uploadId);
    if (upload === undefined || upload.key !== key) {
      throw new S3Error('NoSuchUpload', { details: { UploadId: uploadId } });
    }
    return upload;
  }

  /** Adds or replaces a part. @throws S3Error NoSuchUpload when the upload ended in the meantime */
  putPart(bucket: string, key: string, uploadId: string, part: Part): void {
    this.upload(bucket, key, uploadId);
    this.#commit({ op: 'putPart', bucket, uploadId, part });
  }

  /** @throws S3Error NoSuchUpload */
  abortUpload(bucket: string, key: string, uploadId: string): void {
    this.upload(bucket, key, uploadId);
    this.#commit({ op: 'abortUpload', bucket, uploadId });
  }

  /** Notes that a notification is configured; the first time ever, `firstMessage` goes out. */
  armNotification(notificationId: string, firstMessage: () => OutboxMessage): void {
    if (this.#state.armed.has(notificationId)) return;
    this.#commit({ op: 'armNotification', notificationId, outbox: [firstMessage()] });
  }

  /** Takes a notification out of the outbox. */
  markDelivered(id: string): void {
    if (this.#state.outbox.has(id)) this.#commit({ op: 'delivered', id });
  }

  close(): void {
    this.#durable.close();
  }

  #messages(
    name: EventName,
    bucket: string,
    key: string,
    version: Version,
  ): readonly OutboxMessage[] {
    const sequence = this.sequence + 1;
    const timeMs = Date.now();
    return this.#options.messagesFor({ name, bucket, key, version, sequence, timeMs });
  }

  #commit(entry: Entry): void {
    this.blobs.remove(this.#durable.commit(entry));
    if (entry.outbox !== undefined && entry.outbox.length > 0) {
      this.#options.onMessages(entry.outbox);
    }
  }
}

function newVersionId(): string {
  return randomBytes(24).toString('base64url');
}
