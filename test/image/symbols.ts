import { run } from './run.ts';

/** The newest version of each family of symbols (`GLIBC`, `GLIBCXX`, ...) that a library needs from the system. */
export async function neededSymbolVersions(library: string): Promise<Record<string, string>> {
  const newest: Record<string, string> = {};
  const needs = (await run('readelf', ['--version-info', '--wide', library])).split(
    'Version needs section',
  )[1];
  for (const library of (needs ?? '').split(/(?=File: )/)) {
    // It comes with it, and is none of the system's.
    if (library.startsWith('File: libonnxruntime')) continue;
    for (const [, family = '', version = ''] of library.matchAll(/Name: ([A-Z]+)_([\d.]+)\b/g)) {
      const known = newest[family];
      if (known === undefined || isNewer(version, known)) newest[family] = version;
    }
  }
  return newest;
}

/** Whether `version` is newer than `than`, part by part. */
export function isNewer(version: string, than: string): boolean {
  const left = version.split('.').map(Number);
  const right = than.split('.').map(Number);
  const at = left.findIndex((part, index) => part !== (right[index] ?? 0));
  return at >= 0 && (left[at] ?? 0) > (right[at] ?? 0);
}
