import type { Checksum, ChecksumAlgorithm, ChecksumType } from './checksums.ts';
import type { SortedKeys } from './key-order.ts';

/** A file of the blob folder: written once, never changed, owned by one version or one part. */
export interface Blob {
  readonly id: string;
  readonly sizeBytes: number;
}

/** What a writer says of an object beside its bytes. */
export interface ObjectAttributes {
  /** `content-type`, `cache-control` and the like, by lower-case name, as they are answered. */
  readonly headers: Readonly<Record<string, string>>;
  /** `x-amz-meta-*` by lower-case name without that prefix. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
  readonly storageClass: string;
}

/** A part of an upload, or of the object that the upload became. */
export interface Part {
  /** 1 to 10,000. */
  readonly partNumber: number;
  readonly sizeBytes: number;
  /** Hex MD5 of the part's bytes. */
  readonly etag: string;
  readonly lastModifiedMs: number;
  /** Empty for a part of no bytes. */
  readonly blobs: readonly Blob[];
  readonly checksum: Checksum;
}

export interface ObjectVersion {
  readonly deleteMarker: false;
  /** `null` (the word) in a bucket without versioning. */
  readonly versionId: string;
  readonly lastModifiedMs: number;
  /** Without the quotes. */
  readonly etag: string;
  readonly sizeBytes: number;
  /** The content, in order; empty for an object of no bytes. */
  readonly blobs: readonly Blob[];
  readonly attributes: ObjectAttributes;
  readonly checksum: Checksum;
  /** Where the object came from an upload: its id, so that completing it again is harmless, and its parts. */
  readonly upload?: { readonly id: string; readonly parts: readonly Omit<Part, 'blobs'>[] };
}

/** Stands as the current version of a key that was deleted in a bucket with versioning. */
export interface DeleteMarker {
  readonly deleteMarker: true;
  readonly versionId: string;
  readonly lastModifiedMs: number;
}

export type Version = ObjectVersion | DeleteMarker;

/** A multipart upload under way. */
export interface Upload {
  readonly id: string;
  readonly key: string;
  readonly initiatedMs: number;
  readonly attributes: ObjectAttributes;
  /** What the caller asked for; without it S3 keeps a CRC64NVME of the whole object. */
  readonly checksumAlgorithm?: ChecksumAlgorithm;
  readonly checksumType: ChecksumType;
}

export type VersioningStatus = 'Enabled' | 'Suspended';

export interface Bucket {
  readonly name: string;
  readonly createdMs: number;
  /** Undefined when it never was switched on. */
  readonly versioning: VersioningStatus | undefined;
  /** The versions of each key, newest first, never empty. */
  readonly objects: ReadonlyMap<string, readonly Version[]>;
  readonly keys: SortedKeys;
  readonly uploads: ReadonlyMap<string, OpenUpload>;
}

export interface OpenUpload extends Upload {
  readonly parts: ReadonlyMap<number, Part>;
}

/** A notification that was not delivered yet. */
export interface OutboxMessage {
  readonly id: string;
  /** Which of the configured notifications it belongs to. */
  readonly notificationId: string;
  /** Event and key: says what it is about without its times and random ids. */
  readonly subject: string;
  /** The body, as S3 sends it. */
  readonly message: string;
}

/** The version that a read without a version id sees. */
export function currentVersion(bucket: Bucket, key: string): Version | undefined {
  return bucket.objects.get(key)?.[0];
}

/** The current version when it is an object and not a delete marker. */
export function currentObject(bucket: Bucket, key: string): ObjectVersion | undefined {
  const version = currentVersion(bucket, key);
  return version === undefined || version.deleteMarker ? undefined : version;
}
