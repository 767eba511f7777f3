import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.ts';

/** Name of the base in the project's Dockerfile. */
export const baseName = 'public.ecr.aws/lambda/nodejs:24';

/** What an image says of itself. */
export interface ImageDescription {
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly workingDirectory: string;
  readonly environment: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly architecture: string;
  /** Hashes of the layers, the base's first. */
  readonly layers: readonly string[];
}

/** Builds images without a Docker engine, by buildah, in a store of its own. */
export class ImageBuilder {
  readonly #storage: readonly string[];

  /** @param folder for the store; `close` empties it */
  constructor(folder: string) {
    this.#storage = [
      ...['--root', join(folder, 'storage'), '--runroot', join(folder, 'run')],
      ...['--storage-driver', 'vfs'],
    ];
  }

  /** @param context with a Dockerfile @param pull whether the base may come from its registry */
  async build(context: string, name: string, pull = false): Promise<void> {
    await this.#buildah(
      'bud',
      ...['--isolation', 'chroot', '--format', 'docker', '--no-cache'],
      pull ? '--pull-always' : '--pull-never',
      ...['-t', name, context],
    );
  }

  async describe(name: string): Promise<ImageDescription> {
    const { Docker, OCIv1 } = JSON.parse(await this.#buildah('inspect', '--type', 'image', name));
    return {
      entrypoint: Docker.config.Entrypoint,
      command: Docker.config.Cmd,
      workingDirectory: Docker.config.WorkingDir,
      environment: Docker.config.Env,
      labels: Docker.config.Labels,
      architecture: OCIv1.architecture,
      layers: OCIv1.rootfs.diff_ids,
    };
  }

  /** A container's root file system, as a folder. */
  async mount(name: string): Promise<string> {
    const container = (await this.#buildah('from', '--pull-never', name)).trim();
    return (await this.#buildah('mount', container)).trim();
  }

  async close(): Promise<void> {
    await this.#buildah('umount', '-a');
    await this.#buildah('rm', '-a');
    await this.#buildah('rmi', '-a', '-f');
  }

  #buildah(...words: string[]): Promise<string> {
    return run('buildah', [...this.#storage, ...words]);
  }
}

/** Files below a folder with their sizes in bytes. */
export function filesOf(folder: string): Map<string, number> {
  const files = new Map<string, number>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files.set(path.slice(folder.length + 1), statSync(path).size);
  }
  return files;
}
