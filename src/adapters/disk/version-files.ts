import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ServingError } from '../../errors.ts';
import { LeaseCache } from '../../models/lease-cache.ts';
import type { PinnedModel } from '../../models/reference.ts';
import type { ModelRepository } from '../../models/repository.ts';
import type { VersionFiles, VersionFilesLease, WantedFile } from '../../models/version-files.ts';

export interface DiskVersionFilesOptions {
  readonly repository: ModelRepository;
  /** What an earlier process left in it is removed at the start; other files are left alone. */
  readonly directory: string;
  readonly budgetBytes: number;
  readonly nowMs: () => number;
  /** Has somebody release the files that they can do best without; false when everything is in use. */
  readonly releaseFiles: () => boolean;
}

/** What a version's folder is called. */
const fingerprintPattern = /^[0-9a-f]{64}$/;

/** Model versions on the temp disk, one folder each, named by fingerprint. */
export class DiskVersionFiles implements VersionFiles {
  readonly #options: DiskVersionFilesOptions;
  readonly #cache: LeaseCache<string>;

  constructor(options: DiskVersionFilesOptions) {
    this.#options = options;
    mkdirSync(options.directory, { recursive: true });
    // Lambda keeps the temp disk when a crashed process is replaced; nothing here knows what of it is whole.
    const left = readdirSync(options.directory).filter((name) => fingerprintPattern.test(name));
    for (const name of left) {
      rmSync(join(options.directory, name), { recursive: true, force: true });
    }
    this.#cache = new LeaseCache({
      budgetBytes: options.budgetBytes,
      dispose: (_fingerprint, directory) => rmSync(directory, { recursive: true, force: true }),
      nowMs: options.nowMs,
      failureTtlMs: 0,
      remembers: () => false,
    });
  }

  async acquire(pinned: PinnedModel, files: readonly WantedFile[]): Promise<VersionFilesLease> {
    const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
    if (sizeBytes > this.#options.budgetBytes) {
      throw new ServingError(
        'MODEL_UNAVAILABLE',
        `model ${pinned.model} version ${pinned.version}: expected at most ${this.#options.budgetBytes} bytes, ` +
          `which is what the function's temp disk holds, got ${sizeBytes}`,
      );
    }
    const lease = await this.#cache.acquire(pinned.fingerprint, async (makeRoom) => {
      let isRoom = makeRoom(sizeBytes);
      while (!isRoom && this.#options.releaseFiles()) isRoom = makeRoom(0);
      const startMs = this.#options.nowMs();
      const value = join(this.#options.directory, pinned.fingerprint);
      await this.#download(pinned, files, value);
      return { value, sizeBytes, costMs: this.#options.nowMs() - startMs };
    });
    return { directory: lease.value, release: () => lease.release() };
  }

  async #download(
    pinned: PinnedModel,
    files: readonly WantedFile[],
    directory: string,
  ): Promise<void> {
    const downloads = await Promise.allSettled(
      files.map((file) =>
        this.#options.repository.download(
          pinned.model,
          pinned.version,
          file,
          join(directory, file.path),
          file.digests,
        ),
      ),
    );
    const failed = downloads.find((download) => download.status === 'rejected');
    if (failed === undefined) return;
    rmSync(directory, { recursive: true, force: true });
    throw diskFailure(`model ${pinned.model} version ${pinned.version}`, failed.reason);
  }
}

/** A failure of the disk itself; what the repository threw stays as it is. */
function diskFailure(label: string, cause: unknown): ServingError {
  if (cause instanceof ServingError) return cause;
  const code: unknown = Object(cause).code;
  if (code === 'ENOSPC') {
    return new ServingError('UNAVAILABLE', `${label}: the temp disk is full`, { cause });
  }
  return new ServingError(
    'MODEL_UNAVAILABLE',
    `${label}: its files cannot be written to the temp disk (${String(code ?? 'no reason given')})`,
    { cause },
  );
}
