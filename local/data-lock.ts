import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Another laptop cloud works on the same data. */
export class DataInUseError extends Error {
  override readonly name = 'DataInUseError';
}

/**
 * Takes a data folder for this process: its journals bear one writer. A lock whose process is gone does not
 * count.
 * @returns lets go of it
 * @throws DataInUseError when a running process has it
 */
export async function lockData(dataDir: string): Promise<() => Promise<void>> {
  await mkdir(dataDir, { recursive: true });
  const path = join(dataDir, 'lock');
  // Linked into place with its content, so that nobody reads a lock that does not say whose it is.
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, `${process.pid}`);
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
