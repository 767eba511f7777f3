import { join } from 'node:path';
import { labelsFileName, manifestFileName, modelFileName } from '../contract/keys.ts';
import { ServingError } from '../errors.ts';
import type { ModelConfiguration } from './configuration.ts';
import type { MakeRoom } from './lease-cache.ts';
import { type Manifest, parseManifest } from './manifest.ts';
import type { PinnedModel } from './reference.ts';
import type { ModelRepository, RepositoryVersion } from './repository.ts';
import type { Session, SessionFactory } from './session.ts';
import type { VersionFiles, VersionFilesLease, WantedFile } from './version-files.ts';
import { haveWeightsBeside, wantedFiles } from './wanted-files.ts';
import { warmUp } from './warm-up.ts';

const maximumLabelsBytes = 16 * 1024 * 1024;
/** Sessions take more than the file: weights once, and what optimising and prepacking need meanwhile. */
const memoryPerFileByte = 1.5;

/** A version in memory. */
export interface LoadedVersion {
  readonly pinned: PinnedModel;
  readonly session: Session;
  readonly labels: readonly string[];
  /**
   * Resident memory that making the session added, or its files' size where that is more: mapped files become resident
   * as runs touch them.
   */
  readonly sizeBytes: number;
  readonly downloadMs: number;
  readonly createMs: number;
  /** Whether its files stay on disk until it is released: the session has mapped them into memory. */
  readonly holdsFiles: boolean;
  /** Gives memory and files back. */
  release(): Promise<void>;
}

export interface VersionLoaderOptions {
  readonly repository: ModelRepository;
  readonly files: VersionFiles;
  readonly sessions: SessionFactory;
  /** Threads within one operator for models that do not say. */
  readonly intraOpThreads: number;
  /** The machine that this is, as manifests name it: see `machineTarget`. */
  readonly target: string;
  readonly nowMs: () => number;
  /** Resident memory of the process in bytes. */
  readonly residentBytes: () => number;
  /** Reads a file on the local disk as text. */
  readonly readLocalText: (path: string) => Promise<string>;
  /** Called with each session before it serves: what it throws refuses the version. */
  readonly bind: BindSession;
}

/** What a task is bound to: a session, and what lies next to its model. */
export interface BoundSession {
  readonly pinned: PinnedModel;
  readonly session: Session;
  readonly configuration: ModelConfiguration;
  readonly labels: readonly string[];
  /** Text of a file of the version; undefined when it has none of that name. */
  readFile(path: string): Promise<string | undefined>;
}

export type BindSession = (bound: BoundSession) => Promise<void>;

/** Brings one version from the repository to memory: files to disk, session by path, warm-up. */
export class VersionLoader {
  readonly #options: VersionLoaderOptions;

  constructor(options: VersionLoaderOptions) {
    this.#options = options;
  }

  /**
   * @param makeRoom called once the files are on disk, with what the session is expected to take of memory
   * @throws ServingError MODEL_UNAVAILABLE or UNAVAILABLE, with the model and the version named
   */
  async load(
    pinned: PinnedModel,
    version: RepositoryVersion,
    configuration: ModelConfiguration,
    makeRoom: MakeRoom,
  ): Promise<LoadedVersion> {
    const label = `model ${pinned.model} version ${pinned.version}`;
    const { nowMs } = this.#options;
    const startMs = nowMs();
    const manifest = await this.#manifest(label, pinned.model, version);
    const artefact = manifest?.prepared[this.#options.target];
    const wanted = wantedFiles(label, version, manifest, artefact);
    const path = artefact ?? modelFileName;
    const holdsFiles = haveWeightsBeside(wanted, path);
    const lease = await this.#options.files.acquire(pinned, wanted);
    let session: Session | undefined;
    try {
      const downloadedMs = nowMs();
      const fileBytes = wanted.reduce((sum, file) => sum + file.sizeBytes, 0);
      makeRoom(fileBytes * memoryPerFileByte);
      const residentBefore = this.#options.residentBytes();
      session = await this.#createSession(
        label,
        join(lease.directory, path),
        artefact !== undefined,
        configuration,
      );
      const createMs = nowMs() - downloadedMs;
      await warmUp(label, session, configuration.warmUp);
      const readFile = async (name: string) =>
        wanted.some((file) => file.path === name)
          ? this.#options.readLocalText(join(lease.directory, name))
          : undefined;
      const labels = await this.#labels(label, readFile, wanted);
      await this.#options.bind({ pinned, session, configuration, labels, readFile });
      if (!holdsFiles) lease.release();
      return {
        pinned,
        session,
        labels,
        sizeBytes: Math.max(fileBytes, this.#options.residentBytes() - residentBefore),
        downloadMs: downloadedMs - startMs,
        createMs,
        holdsFiles,
        release: () => releaseBoth(session, lease),
      };
    } catch (thrown) {
      await releaseBoth(session, lease);
      throw thrown;
    }
  }

  async #manifest(
    label: string,
    model: string,
    version: RepositoryVersion,
  ): Promise<Manifest | undefined> {
    const file = version.files.find(({ path }) => path === manifestFileName);
    if (file === undefined) return undefined;
    const text = await this.#options.repository.readText(model, version.version, file);
    return parseManifest(label, text);
  }

  async #createSession(
    label: string,
    path: string,
    prepared: boolean,
    configuration: ModelConfiguration,
  ): Promise<Session> {
    try {
      return await this.#options.sessions.create(path, {
        intraOpThreads: configuration.intraOpThreads ?? this.#options.intraOpThreads,
        graphOptimization: prepared ? 'disabled' : 'all',
      });
    } catch (thrown) {
      if (!(thrown instanceof ServingError)) throw thrown;
      throw new ServingError(thrown.code, `${label}: ${thrown.message}`, { cause: thrown });
    }
  }

  async #labels(
    label: string,
    readFile: BoundSession['readFile'],
    files: readonly WantedFile[],
  ): Promise<readonly string[]> {
    const file = files.find(({ path }) => path === labelsFileName);
    if (file === undefined) return [];
    if (file.sizeBytes > maximumLabelsBytes) {
      throw new ServingError(
        'MODEL_UNAVAILABLE',
        `${label}: ${labelsFileName}: expected at most ${maximumLabelsBytes} bytes, got ${file.sizeBytes}`,
      );
    }
    const text = (await readFile(labelsFileName)) ?? '';
    return text.replace(/\r?\n$/, '').split(/\r?\n/);
  }
}

/** The files at once, for whoever evicts a version needs their room now; what is mapped outlives its name. */
function releaseBoth(session: Session | undefined, files: VersionFilesLease): Promise<void> {
  files.release();
  return session?.release() ?? Promise.resolve();
}
