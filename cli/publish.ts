import { createHash } from 'node:crypto';
import { createReadStream, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
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
import type { Manifest } from '../src/models/manifest.ts';
import { UsageError } from './usage-error.ts';
import { listVersions, nextVersion } from './versions.ts';

export interface PublishOptions {
  readonly bucket: string;
  readonly model: string;
  /** A model file, or a folder with a model.onnx and what belongs to it. */
  readonly source: string;
  /** @default the highest number so far, and one more */
  readonly version?: string | undefined;
  /** Adds an artefact that ONNX Runtime optimised for the kind of machine that this runs on. */
  readonly prepare: boolean;
  /** Hears of each file before it is sent. */
  readonly onUpload: (path: string, sizeBytes: number) => void;
}

interface LocalFile {
  /** Path below the version. */
  readonly path: string;
  readonly localPath: string;
  readonly sizeBytes: number;
}

/**
 * Publishes a version: its files first, model.onnx after what it refers to, and the manifest last, so that nobody
 * sees half of it. A version is written once.
 *
 * @returns the version
 * @throws UsageError when the source is no model or the version is there already
 */
export async function publishModel(s3: S3Client, options: PublishOptions): Promise<string> {
  const { bucket, model } = options;
  const existing = await listVersions(s3, bucket, model);
  const version = options.version ?? nextVersion(existing);
  if (!isName(version)) throw new UsageError(`version: expected a name, got ${version}`);
  if (existing.includes(version)) {
    throw new UsageError(
      `version ${version} of ${model} is there already: versions are written once`,
    );
  }
  const scratch = mkdtempSync(join(tmpdir(), 'pilotlight-publish-'));
  try {
    const files = sourceFiles(options.source);
    const prepared: Record<string, string> = {};
    if (options.prepare) {
      const target = machineTarget();
      const path = `${preparedPrefix}${target}/${modelFileName}`;
      const localPath = join(scratch, modelFileName);
      await optimise(modelPath(files), localPath);
      files.unshift({ path, localPath, sizeBytes: statSync(localPath).size });
      prepared[target] = path;
    }
    const manifest: Manifest = { files: [], prepared };
    const prefix = versionPrefix(model, version);
    for (const file of files) {
      options.onUpload(file.path, file.sizeBytes);
      await uploadFile(s3, bucket, `${prefix}${file.path}`, file.localPath);
      const sha256 = await sha256Of(file.localPath);
      manifest.files.push({ path: file.path, sizeBytes: file.sizeBytes, sha256 });
    }
    await s3.send(
      new PutObjectCommand({
        Bucket: bucket,
        Key: `${prefix}${manifestFileName}`,
        Body: JSON.stringify(manifest, undefined, 2),
        ContentType: 'application/json',
        IfNoneMatch: '*',
      }),
    );
    return version;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** All files of the source, model.onnx last. */
function sourceFiles(source: string): LocalFile[] {
  const stat = statSync(source, { throwIfNoEntry: false });
  if (stat === undefined) throw new UsageError(`${source}: no such file or folder`);
  if (stat.isFile()) {
    return [{ path: modelFileName, localPath: source, sizeBytes: stat.size }];
  }
  const files = readdirSync(source, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== manifestFileName)
    .map((entry) => {
      const localPath = join(entry.parentPath, entry.name);
      return {
        path: relative(source, localPath).split(sep).join('/'),
        localPath,
        sizeBytes: statSync(localPath).size,
      };
    });
  if (!files.some(({ path }) => path === modelFileName)) {
    throw new UsageError(`${source}: expected a ${modelFileName} in this folder, got none`);
  }
  return files.sort(
    (left, right) => Number(left.path === modelFileName) - Number(right.path === modelFileName),
  );
}

function modelPath(files: readonly LocalFile[]): string {
  const model = files.find(({ path }) => path === modelFileName);
  if (model === undefined) throw new UsageError(`expected a ${modelFileName}, got none`);
  return model.localPath;
}

/** Lets ONNX Runtime write what it would otherwise work out at each load. */
async function optimise(source: string, destination: string): Promise<void> {
  // Only this needs ONNX Runtime, and loading it takes a moment.
  const { InferenceSession } = await import('onnxruntime-node');
  const session = await InferenceSession.create(source, {
    graphOptimizationLevel: 'all',
    optimizedModelFilePath: destination,
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    // 4: the warning that such an artefact is for this kind of machine alone is what the target says.
    logSeverityLevel: 4,
  });
  await session.release();
}

async function uploadFile(
  s3: S3Client,
  bucket: string,
  key: string,
  localPath: string,
): Promise<void> {
  const upload = new Upload({
    client: s3,
    params: { Bucket: bucket, Key: key, Body: createReadStream(localPath) },
    partSize: 16 * 1024 * 1024,
  });
  await upload.done();
}

async function sha256Of(localPath: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(localPath), hash);
  return hash.digest('hex');
}
