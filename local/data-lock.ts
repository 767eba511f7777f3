import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Another laptop cloud works on the same data. */
export class DataInUseError extends Error {
  override readonly name = 'DataInUseError';
}

/** The data folder cannot be written to. */
export class DataFolderError extends Error {
  override readonly name = 'DataFolderError';
}

/** What a system error means for somebody who chose the folder. */
const reasons: Readonly<Record<string, string>> = {
  EACCES: 'this user may not write there',
  EEXIST: 'there is a file of that name',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'a part of its path is a file',
  EROFS: 'it is on a file system that is read-only',
};

/**
 * Takes a data folder for this process: its journals bear one writer. A lock whose process is gone does not
 * count.
 * @returns lets go of it
 * @throws DataInUseError when a running process has it, DataFolderError when it cannot be written to
 */
export async function lockData(dataDir: string): Promise<() => Promise<void>> {
  const path = join(dataDir, 'lock');
  // Linked into place with its content, so that nobody reads a lock that does not say whose it is.
  const draft = `${path}.${process.pid}`;
  try {
    await mkdir(dataDir, { recursive: true });
    await writeFile(draft, `${process.pid}`);
  } catch (error) {
    throw folderError(dataDir, error);
  }
  try {
    while (!(await isLinked(draft, path))) {
      const holder = Number(await readFile(path, 'utf8').catch(() => ''));
      if (isRunning(holder)) {
        throw new DataInUseError(
          `${dataDir} is in use by another laptop cloud, process ${holder} (if that is something else, remove ${path})`,
        );
      }
      await rm(path, { force: true });
    }
  } finally {
    await rm(draft, { force: true });
  }
  return () => rm(path, { force: true });
}

/** False when there is a lock already. */
async function isLinked(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

function isRunning(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function folderError(dataDir: string, error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const reason = reasons[code];
  if (reason === undefined) return error;
  return new DataFolderError(
    `${dataDir} cannot hold the laptop's data: ${reason}; set PILOTLIGHT_DATA_DIR to another folder`,
  );
}
