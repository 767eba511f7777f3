import { readdirSync, readFileSync, type Stats, statSync } from 'node:fs';
import { basename, dirname, join, posix, sep } from 'node:path';
import {
  claimFileName,
  manifestFileName,
  modelFileName,
  preparedPrefix,
} from '../src/contract/keys.ts';
import { isSafePath } from '../src/models/manifest.ts';
import { externalDataFiles } from './external-data.ts';
import { UsageError } from './usage-error.ts';

/** A file to publish. */
export interface LocalFile {
  /** Path below the version. */
  readonly path: string;
  readonly localPath: string;
  readonly sizeBytes: number;
}

/** What to publish. */
export interface ModelSource {
  /** model.onnx last, so that whoever sees it sees what it refers to. */
  readonly files: readonly LocalFile[];
  /** The model itself, on this machine. */
  readonly modelPath: string;
  /** Paths of the files that hold the model's weights, where it does not hold them itself. */
  readonly external: readonly string[];
}

/**
 * The files of a model: one file and those that hold its weights, or all of a folder that has a model.onnx.
 *
 * @throws UsageError when there is no model, or a file with its weights is missing
 */
export function readSource(source: string): ModelSource {
  const stat = statOf(source);
  if (stat === undefined) throw new UsageError(`${source}: no such file or folder`);
  const modelPath = stat.isFile() ? source : join(source, modelFileName);
  const found = statOf(modelPath);
  if (found?.isFile() !== true) {
    throw new UsageError(`${source}: expected a ${modelFileName} in this folder, got none`);
  }
  if (found.size === 0) throw new UsageError(`${modelPath}: expected a model, got no bytes`);
  const external = externalDataFiles(readFileSync(modelPath)).map(posix.normalize);
  const outside = external.find((path) => !isSafePath(path));
  if (outside !== undefined) {
    throw new UsageError(`${basename(modelPath)} has weights in ${outside}, outside of its folder`);
  }
  const model = toFile(modelFileName, modelPath);
  const others = stat.isFile()
    ? external.map((path) => toFile(path, join(dirname(source), path)))
    : folderFiles(source);
  const odd = others.find((file) => !isSafePath(file.path));
  if (odd !== undefined) {
    throw new UsageError(`${odd.localPath}: no such name can be published: rename the file`);
  }
  for (const path of external) {
    if (others.some((file) => file.path === path)) continue;
    throw new UsageError(
      `${basename(modelPath)} has weights in ${path}, which is not in the folder`,
    );
  }
  return { files: [...others, model], modelPath, external };
}

/** Everything in a folder but the model itself and what publishing makes anew. */
function folderFiles(folder: string): LocalFile[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => ({ path: name.split(sep).join('/'), localPath: join(folder, name) }))
    .filter(({ path }) => ![modelFileName, manifestFileName, claimFileName].includes(path))
    .filter(({ path }) => !path.startsWith(preparedPrefix))
    .filter(({ localPath }) => statOf(localPath)?.isFile() === true)
    .map(({ path, localPath }) => toFile(path, localPath));
}

function toFile(path: string, localPath: string): LocalFile {
  const stat = statOf(localPath);
  if (stat === undefined) throw new UsageError(`${localPath}: no such file`);
  return { path, localPath, sizeBytes: stat.size };
}

/** Follows links: a download of Hugging Face's is a folder of them. */
function statOf(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false });
}

/** All files below a folder, by their paths below it. */
export function filesBelow(folder: string, prefix: string): LocalFile[] {
  return readdirSync(folder).map((name) => toFile(`${prefix}${name}`, join(folder, name)));
}
