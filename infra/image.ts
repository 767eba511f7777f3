import { join } from 'node:path';
import { bundlesFolder, imageFolder, packageRoot } from './paths.ts';
import { listFiles, stageFolder } from './staging.ts';

/** Lays out the Docker context: the Dockerfiles, ONNX Runtime's pin and licence, and the bundles. */
export function stageImage(): void {
  const layers = join(packageRoot, 'layers');
  const files = new Map<string, string>();
  for (const name of ['Dockerfile', 'Dockerfile.cuda']) files.set(name, join(layers, name));
  for (const name of ['package.json', 'package-lock.json', 'LICENSE']) {
    files.set(join('onnxruntime', name), join(layers, 'onnxruntime', name));
  }
  for (const path of listFiles(bundlesFolder)) {
    files.set(join('functions', path), join(bundlesFolder, path));
  }
  stageFolder(imageFolder, files);
}
