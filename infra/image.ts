import { join } from 'node:path';
import { bundlesFolder, imageFolder, packageRoot } from './paths.ts';
import { listFiles, stageFolder } from './staging.ts';

/** Lays out the Docker context: the Dockerfiles, the pins of what is installed, and the bundles. */
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
  stageFolder(imageFolder, files);
}
