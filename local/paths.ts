import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout. */
export const projectRoot = fileURLToPath(new URL('..', import.meta.url));

/** The folder of an installed package, also of one that exports nothing. @throws Error when it is not installed */
export function packageDir(name: string): string {
  const folders = createRequire(import.meta.url).resolve.paths(name) ?? [];
  const found = folders.map((folder) => join(folder, name)).find(existsSync);
  if (found === undefined) throw new Error(`package ${name} is not installed: run npm ci`);
  return found;
}

/** ONNX Runtime's binaries for this machine: what the image has under /opt. */
export function onnxRuntimeDir(): string {
  const folder = join(
    packageDir('onnxruntime-node'),
    'bin',
    'napi-v6',
    process.platform,
    process.arch,
  );
  if (existsSync(folder)) return folder;
  throw new Error(`onnxruntime-node has no binaries for ${process.platform} on ${process.arch}`);
}
