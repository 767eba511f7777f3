import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import type {
  ObjectStore,
  Piece,
  PutOptions,
  PutOutcome,
  StoredPiece,
} from '../../batch/object-store.ts';
import { s3Status, storageUnavailable } from './failure.ts';

/** S3's least size of a part that is not the last. */
const minimumPartBytes = 5 * 1024 * 1024;
/** What is uploaded at a time. Doubled every thousand of them, for an upload has at most 10,000 parts. */
const firstPartBytes = 8 * 1024 * 1024;
/** What is copied at a time: ranges go side by side. */
const copyBytes = 512 * 1024 * 1024;
/** S3 copies no more at a time. */
const maximumCopyBytes = 5 * 1024 * 1024 * 1024;
/** Parts of one piece, as far as S3's limit of a copy lets it: an upload has 10,000, and a hundred pieces as large as can be. */
const partsOfPiece = 90;
const parallelParts = 4;
/** Those that come from memory stay in it until they are stored. */
const parallelUploads = 2;

interface Target {
  readonly client: S3Client;
  readonly bucket: string;
  readonly key: string;
  readonly options: PutOptions;
}

/** Makes one object of many: a multipart upload whose parts are copies where they can be. */
export async function assembleObject(
  target: Target,
  store: ObjectStore,
  pieces: Iterable<Piece> | AsyncIterable<Piece>,
): Promise<PutOutcome> {
  const assembly = new Assembly(target);
  try {
    for await (const piece of pieces) {
      if (piece instanceof Uint8Array) await assembly.append(piece);
      else await appendStored(assembly, store, piece);
    }
    const small = assembly.takeSmall();
    if (small !== undefined) return await store.put(target.key, small, target.options);
    return await assembly.complete(store);
  } catch (thrown) {
    await assembly.abort();
    throw storageUnavailable('object', thrown);
  }
}

/** Copies what S3 may copy, and reads the rest: parts of less than 5 MiB, and what fills one up before a copy. */
async function appendStored(
  assembly: Assembly,
  store: ObjectStore,
  piece: StoredPiece,
): Promise<void> {
  const { start = 0 } = piece;
  const end = start + piece.sizeBytes;
  let position = start;
  const readTo = async (stop: number) => {
    while (position < stop) {
      const next = Math.min(stop, position + firstPartBytes);
      await assembly.append(await store.read(piece, position, next));
      position = next;
    }
  };
  if (assembly.pendingBytes > 0) {
    const missing = Math.max(0, minimumPartBytes - assembly.pendingBytes);
    if (piece.sizeBytes < missing + minimumPartBytes) return readTo(end);
    await readTo(start + missing);
    await assembly.flush();
  }
  const most = Math.min(
    Math.max(copyBytes, Math.ceil(piece.sizeBytes / partsOfPiece)),
    maximumCopyBytes,
  );
  while (end - position >= minimumPartBytes) {
    const left = end - position;
    // The last two share what is left, so that neither is too small.
    const length = left >= 2 * most ? most : left > most ? Math.ceil(left / 2) : left;
    await assembly.copy(piece, position, position + length);
    position += length;
  }
  await readTo(end);
}

class Assembly {
  readonly #target: Target;
  readonly #parts: Promise<CompletedPart>[] = [];
  /** Those of the parts that come from memory. */
  readonly #uploads: (Promise<CompletedPart> | undefined)[] = [];
  #uploadId: string | undefined;
  #pending: Uint8Array[] = [];
  pendingBytes = 0;

  constructor(target: Target) {
    this.#target = target;
  }

  async append(bytes: Uint8Array): Promise<void> {
    this.#pending.push(bytes);
    this.pendingBytes += bytes.byteLength;
    if (this.pendingBytes >= this.#partBytes()) await this.flush();
  }

  #partBytes(): number {
    return firstPartBytes * 2 ** Math.floor(this.#uploads.length / 1000);
  }

  /** Everything, when it is too little for an upload of parts. */
  takeSmall(): Uint8Array | undefined {
    return this.#uploadId === undefined ? this.#takePending() : undefined;
  }

  #takePending(): Uint8Array {
    const [first] = this.#pending;
    const bytes =
      this.#pending.length === 1 && first !== undefined ? first : Buffer.concat(this.#pending);
    this.#pending = [];
    this.pendingBytes = 0;
    return bytes;
  }

  async flush(): Promise<void> {
    const Body = this.#takePending();
    await this.#uploads.at(-parallelUploads);
    await this.#addPart(async (upload) => {
      const part = await this.#target.client.send(new UploadPartCommand({ ...upload, Body }));
      return { ETag: part.ETag, ChecksumCRC32: part.ChecksumCRC32 };
    });
    this.#uploads.push(this.#parts.at(-1));
  }

  async copy(source: StoredPiece, start: number, end: number): Promise<void> {
    const path = source.key.split('/').map(encodeURIComponent).join('/');
    const version = source.versionId === undefined ? '' : `?versionId=${source.versionId}`;
    await this.#addPart(async (upload) => {
      const { CopyPartResult } = await this.#target.client.send(
        new UploadPartCopyCommand({
          ...upload,
          CopySource: `${this.#target.bucket}/${path}${version}`,
          CopySourceIfMatch: source.etag,
          CopySourceRange: `bytes=${start}-${end - 1}`,
        }),
      );
      return { ETag: CopyPartResult?.ETag, ChecksumCRC32: CopyPartResult?.ChecksumCRC32 };
    });
  }

  async #addPart(
    send: (upload: {
      Bucket: string;
      Key: string;
      UploadId: string;
      PartNumber: number;
    }) => Promise<CompletedPart>,
  ): Promise<void> {
    const { bucket: Bucket, key: Key } = this.#target;
    this.#uploadId ??= await this.#create();
    const PartNumber = this.#parts.length + 1;
    const part = send({ Bucket, Key, UploadId: this.#uploadId, PartNumber }).then((sent) => ({
      ...sent,
      PartNumber,
    }));
    // Awaited in `complete`; without a listener until then a failure would end the process.
    part.catch(() => undefined);
    this.#parts.push(part);
    // At most so many under way: the part that was begun that long ago has to be there.
    await this.#parts.at(-parallelParts);
  }

  async #create(): Promise<string> {
    const { client, bucket, key, options } = this.#target;
    const { UploadId } = await client.send(
      new CreateMultipartUploadCommand({
        Bucket: bucket,
        Key: key,
        ContentType: options.contentType ?? 'application/octet-stream',
        Metadata: { ...options.metadata },
        // What the SDK sends with every part; S3 refuses parts whose checksum the upload did not announce.
        ChecksumAlgorithm: 'CRC32',
      }),
    );
    if (UploadId === undefined) throw new Error('S3 answered without an upload id');
    return UploadId;
  }

  async complete(store: ObjectStore): Promise<PutOutcome> {
    if (this.pendingBytes > 0) await this.flush();
    const { client, bucket: Bucket, key: Key, options } = this.#target;
    const Parts = await Promise.all(this.#parts);
    try {
      await client.send(
        new CompleteMultipartUploadCommand({
          Bucket,
          Key,
          UploadId: this.#uploadId,
          MultipartUpload: { Parts },
          ...(options.ifAbsent === true ? { IfNoneMatch: '*' } : {}),
        }),
      );
      return 'written';
    } catch (cause) {
      const status = s3Status(cause);
      // 409: another write of the key was under way. 404: an answer got lost, and this is the SDK's second try.
      const decided = status === 409 || status === 404 ? await store.head(Key) : undefined;
      if (status !== 412 && decided === undefined) throw cause;
      await this.abort();
      return 'exists';
    }
  }

  /** Gives the parts' storage back. Best effort: the bucket's lifecycle rule removes what is left. */
  async abort(): Promise<void> {
    if (this.#uploadId === undefined) return;
    await Promise.allSettled(this.#parts);
    const { client, bucket: Bucket, key: Key } = this.#target;
    await client
      .send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId: this.#uploadId }))
      .catch(() => undefined);
  }
}
