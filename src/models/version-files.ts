import type { FileDigests } from './manifest.ts';
import type { PinnedModel } from './reference.ts';
import type { RepositoryFile } from './repository.ts';

/** A file to have on disk, and what it must hash to, if known. */
export interface WantedFile extends RepositoryFile {
  readonly digests: FileDigests | undefined;
}

/** Files of one version on the local disk; they stay until `release`. */
export interface VersionFilesLease {
  /** Folder that holds them under their own relative paths. */
  readonly directory: string;
  release(): void;
}

/** Port to the disk tier of the cache: bytes of model versions, fetched once, kept within a budget. */
export interface VersionFiles {
  /** @throws ServingError MODEL_UNAVAILABLE when they are larger than the disk's budget; what the repository throws */
  acquire(pinned: PinnedModel, files: readonly WantedFile[]): Promise<VersionFilesLease>;
}
