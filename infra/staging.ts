import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

/** 1980-01-01, the first that a zip archive can name. */
const fixedTime = new Date('1980-01-01T00:00:00Z');

/** Writes a file in one step, so that no reader sees half of it; leaves it alone when it holds these bytes. */
export function writeFileIfChanged(path: string, contents: Uint8Array): void {
  if (existsSync(path) && readFileSync(path).equals(contents)) return;
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, contents);
  renameSync(draft, path);
}

/** Files below a folder, by their path inside it, sorted. */
export function listFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

/**
 * Makes `target` hold exactly `files` (path inside it, and where each comes from) and nothing else, all of
 * one fixed time: hashes, image layers and archives made from it then depend on the contents alone.
 */
export function stageFolder(target: string, files: ReadonlyMap<string, string>): void {
  for (const [path, source] of files) writeFileIfChanged(join(target, path), readFileSync(source));
  for (const path of listFiles(target)) {
    if (!files.has(path)) rmSync(join(target, path));
  }
  for (const entry of readdirSync(target, { recursive: true, encoding: 'utf8' })) {
    utimesSync(join(target, entry), fixedTime, fixedTime);
  }
}
