import type { FileDigests } from './manifest.ts';

/** A file of the model repository as a listing shows it. */
export interface RepositoryFile {
  /** Path below the version's folder (or below the model's, for its config.json). */
  readonly path: string;
  readonly sizeBytes: number;
  /** The entity tag that pins these exact bytes. */
  readonly etag: string;
}

/** A version's folder and what is in it. */
export interface RepositoryVersion {
  readonly version: string;
  readonly files: readonly RepositoryFile[];
}

/** A model's folder as one listing shows it. */
export interface RepositoryModel {
  readonly model: string;
  readonly config: RepositoryFile | undefined;
  readonly versions: readonly RepositoryVersion[];
}

/** Port to where models are kept. Every read is pinned by entity tag, so that a publish in between is noticed. */
export interface ModelRepository {
  /** Names of all models, in no promised order. */
  list(): Promise<readonly string[]>;
  /** One model's files, read anew. @throws ServingError NOT_FOUND when its folder is empty or not there */
  describe(model: string): Promise<RepositoryModel>;
  /** A small text file. `version` undefined: a file of the model itself. @throws ServingError UNAVAILABLE when it changed meanwhile */
  readText(model: string, version: string | undefined, file: RepositoryFile): Promise<string>;
  /**
   * Writes a file to `destination`, whole or not at all.
   *
   * @param digests what it must hash to; undefined skips the check
   * @throws ServingError UNAVAILABLE when it cannot be read or changed meanwhile, MODEL_UNAVAILABLE when the digest differs
   */
  download(
    model: string,
    version: string,
    file: RepositoryFile,
    destination: string,
    digests: FileDigests | undefined,
  ): Promise<void>;
}
