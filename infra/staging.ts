import { mkdir, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** 1980-01-01, the first that a zip archive can name. */
const fixedTime = new Date('1980-01-01T00:00:00Z');

/** Writes a file in one step, so that no reader sees half of it; leaves it alone when it holds these bytes. */
export async function writeFileIfChanged(path: string, contents: Uint8Array): Promise<void> {
  const present = await readFile(path).catch(() => undefined);
  if (present?.equals(contents)) return;
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, contents);
  // A fixed time: image layers and archives made from it are then the same wherever they are made.
  await utimes(draft, fixedTime, fixedTime);
  await rename(draft, path);
}

/** Files below a folder, by their path inside it, sorted. */
export async function listFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

/**
 * Makes `target` hold exactly `files` (path inside it, and where each comes from) and nothing else:
 * an asset's hash then depends on what it needs, not on what lay there before.
 */
export async function stageFolder(
  target: string,
  files: ReadonlyMap<string, string>,
): Promise<void> {
  for (const [path, source] of files) {
    await writeFileIfChanged(join(target, path), await readFile(source));
  }
  for (const path of await listFiles(target)) {
    if (!files.has(path)) await rm(join(target, path));
  }
}
