import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { requireInEsModule } from './bundle-plugins.ts';
import { bundlesFolder, imageFolder, packageRoot } from './paths.ts';
import { listFiles, stageFolder } from './staging.ts';

/**
 * Lays out the Docker context: the Dockerfiles, the pins of what is installed, the bundles, and the program that has
 * them compiled ahead while the image is built.
 */
export function stageImage(): void {
  const layers = join(packageRoot, 'layers');
  const files = new Map<string, string>();
  for (const name of ['Dockerfile', 'Dockerfile.cuda']) files.set(name, join(layers, name));
  for (const library of ['onnxruntime', 'sharp']) {
    for (const path of listFiles(join(layers, library))) {
      files.set(join(library, path), join(layers, library, path));
    }
  }
  for (const path of listFiles(bundlesFolder)) {
    files.set(join('functions', path), join(bundlesFolder, path));
  }
  files.set('compile/compile.mjs', bundleCompiler(join(layers, 'compile.ts')));
  stageFolder(imageFolder, files);
}

/** @returns where it is */
function bundleCompiler(source: string): string {
  const outfile = join(packageRoot, 'dist', 'compile', 'compile.mjs');
  buildSync({
    absWorkingDir: packageRoot,
    entryPoints: [source],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    banner: { js: requireInEsModule },
    minifySyntax: true,
    legalComments: 'none',
    logLevel: 'warning',
  });
  return outfile;
}
