import { createHash } from 'node:crypto';
import { createReadStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import {
  manifestFileName,
  modelFileName,
  preparedPrefix,
  versionPrefix,
} from '../src/contract/keys.ts';
import { isName } from '../src/contract/names.ts';
import { machineTarget } from '../src/contract/target.ts';
import { chunkBytes, type FileDigests, type Manifest } from '../src/models/manifest.ts';
import { type Claim, claimVersion } from './claim.ts';
import { prepareArtefact } from './prepare.ts';
import { filesBelow, type LocalFile, readSource } from './source-files.ts';
import { UsageError } from './usage-error.ts';
import { listVersions, nextVersion } from './versions.ts';

export interface PublishOptions {
  readonly bucket: string;
  readonly model: string;
  /** A model file, with the files that hold its weights beside it, or a folder with a model.onnx and what belongs to it. */
  readonly source: string;
  /** @default the highest number so far, and one more */
  readonly version?: string | undefined;
  /** Adds an artefact that ONNX Runtime optimised for the kind of machine that this runs on. */
  readonly prepare: boolean;
  /** Hears of each file before it is sent. */
  readonly onUpload: (path: string, sizeBytes: number) => void;
}

/** Read at a time while a file is hashed. */
const readBytes = 1024 * 1024;

/** Versions that other publishers take at the same moment before this one gives up. */
const maximumClaims = 20;

/**
 * Publishes a version: its files first, model.onnx after what it refers to, and the manifest last, so that nobody
 * sees half of it. A version is written once: of several publishers each gets one of its own.
 *
 * @returns the version
 * @throws UsageError when the source is no model or the version is there already
 */
export async function publishModel(s3: S3Client, options: PublishOptions): Promise<string> {
  const { bucket, model } = options;
  const scratch = mkdtempSync(join(tmpdir(), 'pilotlight-publish-'));
  try {
    const source = readSource(options.source);
    const manifest: Manifest = { files: [], external: [...source.external], prepared: {} };
    const files = [...source.files];
    if (options.prepare) {
      const target = machineTarget();
      const prefix = `${preparedPrefix}${target}/`;
      await prepareArtefact(source.modelPath, scratch);
      files.unshift(...filesBelow(scratch, prefix));
      manifest.prepared[target] = `${prefix}${modelFileName}`;
    }
    const { version, claim } = await claimFor(s3, options);
    try {
      const prefix = versionPrefix(model, version);
      for (const file of files) {
        options.onUpload(file.path, file.sizeBytes);
        await uploadFile(s3, bucket, `${prefix}${file.path}`, file);
        const { path, sizeBytes, localPath } = file;
        manifest.files.push({ path, sizeBytes, ...(await digestsOf(localPath)) });
      }
      await s3.send(
        new PutObjectCommand({
          Bucket: bucket,
          Key: `${prefix}${manifestFileName}`,
          Body: JSON.stringify(manifest, undefined, 2),
          ContentType: 'application/json',
        }),
      );
    } finally {
      await claim.release();
    }
    return version;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** The version that was asked for, or the next one that nobody has. */
async function claimFor(
  s3: S3Client,
  { bucket, model, version }: PublishOptions,
): Promise<{ readonly version: string; readonly claim: Claim }> {
  if (version !== undefined) {
    if (!isName(version)) throw new UsageError(`version: expected a name, got ${version}`);
    const claim = await claimVersion(s3, bucket, model, version);
    if (claim !== undefined) return { version, claim };
    throw new UsageError(
      `version ${version} of ${model} is there already, or is being published: versions are written once`,
    );
  }
  for (let attempt = 1; attempt <= maximumClaims; attempt++) {
    const next = nextVersion((await listVersions(s3, bucket, model)).taken);
    const claim = await claimVersion(s3, bucket, model, next);
    if (claim !== undefined) return { version: next, claim };
  }
  throw new UsageError(`${model}: others took ${maximumClaims} versions meanwhile; try again`);
}

async function uploadFile(
  s3: S3Client,
  bucket: string,
  key: string,
  { localPath }: LocalFile,
): Promise<void> {
  const upload = new Upload({
    client: s3,
    params: { Bucket: bucket, Key: key, Body: createReadStream(localPath) },
    partSize: 16 * 1024 * 1024,
  });
  await upload.done();
}

/** A file of one chunk has one digest. */
async function digestsOf(localPath: string): Promise<FileDigests> {
  const whole = createHash('sha256');
  const sha256: string[] = [];
  let chunk = createHash('sha256');
  let missingBytes = chunkBytes;
  for await (const bytes of createReadStream(localPath, { highWaterMark: readBytes })) {
    whole.update(bytes);
    for (let rest = bytes; rest.byteLength > 0; ) {
      const part = rest.subarray(0, missingBytes);
      chunk.update(part);
      missingBytes -= part.byteLength;
      rest = rest.subarray(part.byteLength);
      if (missingBytes > 0) continue;
      sha256.push(chunk.digest('hex'));
      chunk = createHash('sha256');
      missingBytes = chunkBytes;
    }
  }
  if (missingBytes < chunkBytes) sha256.push(chunk.digest('hex'));
  const chunks = sha256.length > 1 ? { sizeBytes: chunkBytes, sha256 } : undefined;
  return { sha256: whole.digest('hex'), ...(chunks && { chunks }) };
}
