import { existsSync, statSync } from 'node:fs';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative } from 'node:path';
import { diskTrouble } from './disk-trouble.ts';

/** Another laptop cloud works on the same data. */
export class DataInUseError extends Error {
  override readonly name = 'DataInUseError';
}

/** The data folder cannot be used: the message names it, the reason and `PILOTLIGHT_DATA_DIR`. */
export class DataFolderError extends Error {
  override readonly name = 'DataFolderError';
}

/** Finds out whether a folder can hold data, before work is done for it. @throws DataFolderError */
export async function checkDataFolder(dataDir: string): Promise<void> {
  await rm(await writeDraft(dataDir), { force: true });
}

/**
 * Takes a data folder for this process: its journals bear one writer. A lock whose process is gone does not
 * count.
 * @returns lets go of it
 * @throws DataInUseError when a running process has it, DataFolderError when it cannot be written to
 */
export async function lockData(dataDir: string): Promise<() => Promise<void>> {
  const path = join(dataDir, 'lock');
  // Linked into place with its content, so that nobody reads a lock that does not say whose it is.
  const draft = await writeDraft(dataDir);
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
  } catch (error) {
    // It is there, and another user's.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/**
 * The error that tells the person at the laptop why their folder does not do, where that is what an error says.
 * Others, and those of files elsewhere, come back as they are.
 */
export function dataFolderError(dataDir: string, error: unknown): unknown {
  const trouble = diskTrouble(error);
  if (trouble === undefined) return error;
  const path =
    error instanceof Error && 'path' in error && typeof error.path === 'string'
      ? error.path
      : dataDir;
  if (!isWithin(path, dataDir) && !isWithin(dataDir, path)) return error;
  const below = isWithin(path, dataDir) ? relative(dataDir, path) : '';
  const place = below === '' || below.startsWith('lock.') ? '' : ` (${below})`;
  return new DataFolderError(
    `${dataDir} cannot hold the laptop's data: ${trouble.reason}${place}; ${trouble.remedy}, or set PILOTLIGHT_DATA_DIR to another folder`,
    { cause: error },
  );
}

function isWithin(path: string, folder: string): boolean {
  const below = relative(folder, path);
  return !below.startsWith('..') && !isAbsolute(below);
}

/** @returns the path of a file in the folder that says which process this is */
async function writeDraft(dataDir: string): Promise<string> {
  const draft = join(dataDir, `lock.${process.pid}`);
  try {
    await makeFolder(dataDir);
    await writeFile(draft, `${process.pid}`);
    return draft;
  } catch (error) {
    throw dataFolderError(dataDir, error);
  }
}

/** As `mkdir` with `recursive`, which never ends where the system refuses a folder with ENOENT (Node 24, below /proc). */
async function makeFolder(path: string): Promise<void> {
  const parent = dirname(path);
  if (parent !== path && !existsSync(parent)) await makeFolder(parent);
  await mkdir(path).catch((error: unknown) => {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) throw error;
  });
}
