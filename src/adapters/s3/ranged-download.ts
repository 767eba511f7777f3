import { closeSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { S3Client } from '@aws-sdk/client-s3';
import { ServingError } from '../../errors.ts';
import type { FileDigests } from '../../models/manifest.ts';
import { BodyReceiver } from './body-receiver.ts';
import { ChunkDigests } from './chunk-digests.ts';
import { s3Status, storageUnavailable } from './failure.ts';
import type { FileDigest } from './file-digest.ts';
import { OrderedDigest, type Part } from './ordered-digest.ts';

/** S3 gives one connection a share of the bandwidth only: its guidance is ranges of 8 to 16 MB side by side. */
const partBytes = 8 * 1024 * 1024;
const parallelParts = 8;
const attemptsWithoutProgress = 5;
const firstPauseMs = 50;

/** An object pinned by its entity tag, and where it goes. */
export interface RangedDownload {
  readonly bucket: string;
  readonly key: string;
  readonly etag: string;
  readonly sizeBytes: number;
  readonly destination: string;
  /** What it must hash to; undefined for whatever it does. */
  readonly digests: FileDigests | undefined;
  /** What a caller is told that it is about, such as `model iris version 1`. */
  readonly label: string;
}

/**
 * Downloads an object by parallel ranged GETs straight to disk. Each range is retried from where it broke, and all
 * are pinned by entity tag, so the file is never a mixture. It appears at `destination` whole or not at all.
 *
 * @throws ServingError UNAVAILABLE when it cannot be read or was replaced meanwhile, MODEL_UNAVAILABLE when the digest
 *   differs; Node's error when the disk does not take it
 */
export async function downloadRanged(client: S3Client, download: RangedDownload): Promise<void> {
  mkdirSync(dirname(download.destination), { recursive: true });
  const partial = `${download.destination}.partial`;
  const file = openSync(partial, 'w+');
  try {
    const parts = partsOf(download);
    const digest = digestOf(download, file, parts);
    await downloadParts(client, download, parts, file, digest);
    if (digest?.isRight() === false) {
      throw new ServingError(
        'MODEL_UNAVAILABLE',
        `${download.label}: the file's sha256 is not the one in its manifest`,
      );
    }
    closeSync(file);
    renameSync(partial, download.destination);
  } catch (thrown) {
    closeQuietly(file);
    rmSync(partial, { force: true });
    throw thrown;
  }
}

/** A file whose chunks have digests comes by these chunks. */
function partsOf({ sizeBytes, digests }: RangedDownload): Part[] {
  const length = digests?.chunks?.sizeBytes ?? partBytes;
  return Array.from({ length: Math.ceil(sizeBytes / length) }, (_, index) => {
    const start = index * length;
    return { start, end: Math.min(start + length, sizeBytes), written: 0 };
  });
}

function digestOf(
  { digests, sizeBytes }: RangedDownload,
  file: number,
  parts: readonly Part[],
): FileDigest | undefined {
  if (digests === undefined) return undefined;
  const { sha256, chunks } = digests;
  if (chunks === undefined) return new OrderedDigest(file, parts, sha256);
  return new ChunkDigests(sizeBytes, chunks.sizeBytes, chunks.sha256);
}

async function downloadParts(
  client: S3Client,
  download: RangedDownload,
  parts: readonly Part[],
  file: number,
  digest: FileDigest | undefined,
): Promise<void> {
  const abort = new AbortController();
  const receiver = new BodyReceiver(client);
  const queue = parts.values();
  const worker = async () => {
    for (const part of queue) {
      await downloadPart(receiver, download, part, file, digest, abort.signal);
    }
  };
  const workers = Array.from({ length: Math.min(parallelParts, parts.length) }, worker);
  try {
    await Promise.all(workers);
  } catch (thrown) {
    abort.abort();
    receiver.close();
    await Promise.allSettled(workers);
    throw thrown;
  } finally {
    receiver.close();
  }
}

async function downloadPart(
  receiver: BodyReceiver,
  download: RangedDownload,
  part: Part,
  file: number,
  digest: FileDigest | undefined,
  signal: AbortSignal,
): Promise<void> {
  let failures = 0;
  while (part.start + part.written < part.end) {
    const before = part.written;
    try {
      await readInto(receiver, download, part, file, digest, signal);
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      if (thrown instanceof DiskFailure) throw thrown.cause;
      const status = s3Status(thrown);
      if (status === 412 || status === 404) {
        throw new ServingError(
          'UNAVAILABLE',
          `${download.label}: it was replaced while it was read`,
          { cause: thrown },
        );
      }
      failures = part.written > before ? 1 : failures + 1;
      const final = status !== undefined && status >= 400 && status < 500 && status !== 429;
      if (final || failures >= attemptsWithoutProgress) {
        throw storageUnavailable(download.label, thrown);
      }
      await sleep(firstPauseMs * 2 ** (failures - 1), undefined, { signal });
    }
  }
}

async function readInto(
  receiver: BodyReceiver,
  { bucket, key, etag }: RangedDownload,
  part: Part,
  file: number,
  digest: FileDigest | undefined,
  signal: AbortSignal,
): Promise<void> {
  const range = { bucket, key, etag, start: part.start + part.written, end: part.end };
  const take = (bytes: Buffer) => {
    const position = part.start + part.written;
    if (position + bytes.byteLength > part.end) throw new Error('S3 sent more than was asked for');
    writeWhole(file, bytes, position);
    part.written += bytes.byteLength;
    digest?.wrote(position, bytes);
  };
  await receiver.receive(range, take, signal);
}

/** The disk did not take what came: no other answer of S3 mends that. */
class DiskFailure extends Error {}

/** On a disk that is nearly full a write takes what fits and says so; what does not fit fails with the next one. */
function writeWhole(file: number, bytes: Buffer, position: number): void {
  let written = 0;
  try {
    while (written < bytes.byteLength) {
      const missing = bytes.byteLength - written;
      written += writeSync(file, bytes, written, missing, position + written);
    }
  } catch (cause) {
    throw new DiskFailure('the disk took less than it was given', { cause });
  }
}

function closeQuietly(file: number): void {
  try {
    closeSync(file);
  } catch {
    // It was closed before the rename failed.
  }
}
