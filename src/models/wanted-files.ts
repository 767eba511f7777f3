import { modelFileName, preparedPrefix } from '../contract/keys.ts';
import { ServingError } from '../errors.ts';
import { isSafePath, type Manifest } from './manifest.ts';
import type { RepositoryVersion } from './repository.ts';
import type { WantedFile } from './version-files.ts';

/**
 * What to fetch of a version: what its manifest lists or its folder holds, less the artefacts of other targets.
 *
 * @param label the model and the version, for messages
 * @param artefact path of the file to load instead of model.onnx; undefined for none
 * @throws ServingError MODEL_UNAVAILABLE that names the file which is missing, of another size, or has no place on a disk
 */
export function wantedFiles(
  label: string,
  version: RepositoryVersion,
  manifest: Manifest | undefined,
  artefact: string | undefined,
): WantedFile[] {
  const files =
    manifest === undefined
      ? bareFiles(label, version)
      : listedFiles(label, version, manifest, artefact);
  refuseFileAsFolder(label, files);
  return files;
}

function bareFiles(label: string, version: RepositoryVersion): WantedFile[] {
  const files = version.files.filter(({ path }) => !path.startsWith(preparedPrefix));
  const odd = files.find(({ path }) => !isSafePath(path));
  if (odd !== undefined) {
    throw new ServingError(
      'MODEL_UNAVAILABLE',
      `${label}: expected file names without empty or dotted parts, got ${JSON.stringify(odd.path)}`,
    );
  }
  return files.map((file) => ({ ...file, digests: undefined }));
}

function listedFiles(
  label: string,
  version: RepositoryVersion,
  manifest: Manifest,
  artefact: string | undefined,
): WantedFile[] {
  if (artefact === undefined && !manifest.files.some(({ path }) => path === modelFileName)) {
    throw new ServingError(
      'MODEL_UNAVAILABLE',
      `${label}: manifest.json: files: expected ${modelFileName}, or an artefact prepared for this kind of machine`,
    );
  }
  const stored = new Map(version.files.map((file) => [file.path, file]));
  return manifest.files
    .filter(({ path }) => isWanted(path, manifest, artefact))
    .map(({ path, sizeBytes, sha256, chunks }) => {
      const file = stored.get(path);
      if (file?.sizeBytes !== sizeBytes) {
        throw new ServingError(
          'MODEL_UNAVAILABLE',
          `${label}: ${path}: expected ${sizeBytes} bytes as its manifest says, got ${file?.sizeBytes ?? 'no such file'}`,
        );
      }
      return { ...file, digests: { sha256, chunks } };
    });
}

function isWanted(path: string, { external }: Manifest, artefact: string | undefined): boolean {
  if (artefact === undefined) return !path.startsWith(preparedPrefix);
  // An artefact's weights may lie beside it.
  const folder = artefact.slice(0, artefact.lastIndexOf('/') + 1);
  if (path.startsWith(preparedPrefix)) return path.startsWith(folder);
  return path !== modelFileName && !external.includes(path);
}

/** Labels, vocabularies, tokenizers: what is read as text, and holds no weights. */
const textFile = /\.(?:json|txt)$/;

/** Whether files beside the model at `modelPath` may hold its weights, which ONNX Runtime maps while a session lives. */
export function haveWeightsBeside(files: readonly WantedFile[], modelPath: string): boolean {
  return files.some(({ path }) => path !== modelPath && !textFile.test(path));
}

/** In a bucket one name may be an object and the beginning of others; on a disk it cannot. */
function refuseFileAsFolder(label: string, files: readonly WantedFile[]): void {
  const paths = new Set(files.map(({ path }) => path));
  for (const { path } of files) {
    for (let slash = path.indexOf('/'); slash > 0; slash = path.indexOf('/', slash + 1)) {
      const folder = path.slice(0, slash);
      if (!paths.has(folder)) continue;
      throw new ServingError(
        'MODEL_UNAVAILABLE',
        `${label}: expected ${folder} to be a file or a folder, got both`,
      );
    }
  }
}
