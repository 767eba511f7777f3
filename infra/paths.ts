import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The folder that holds package.json: the checkout, or the installed package.
 * Searched for, because this file is `infra/paths.ts` in the one and `dist/infra/paths.js` in the other.
 */
function findPackageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error('pilotlight: no package.json above its own files');
    folder = parent;
  }
  return folder;
}

export const packageRoot = findPackageRoot();

/** Where the bundles are: `<function>/handler.mjs`. Also the code of a zip function. */
export const bundlesFolder = join(packageRoot, 'dist', 'functions');

/** The Docker context: Dockerfiles, the pins of installed libraries and the bundles, and nothing else. */
export const imageFolder = join(packageRoot, 'dist', 'image');
