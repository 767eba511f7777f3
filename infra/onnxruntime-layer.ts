import { cpSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { AssetHashType, DockerImage } from 'aws-cdk-lib';
import { Architecture, Code, LayerVersion } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { ConfigurationError } from './configuration-error.ts';
import { bundlesFolder, imageFolder } from './paths.ts';
import { listFiles } from './staging.ts';

/** Lambda's limit for a zip function: its code and its layers unpacked (docs: gettingstarted-limits, 250 MB). */
const unpackedLimitBytes = 250 * 1024 * 1024;

const libraryFiles = ['libonnxruntime.so.1', 'onnxruntime_binding.node'] as const;

/**
 * The image's lower layer as a true Lambda layer, for functions that are deployed as zip files: the same two
 * files, in the same place (`/opt/onnxruntime`). They come from the npm package onnxruntime-node, so that no
 * Docker is needed.
 */
export class OnnxRuntimeLayer extends LayerVersion {
  constructor(scope: Construct, id: string, architecture: Architecture) {
    const source = libraryFolder(architecture);
    checkUnpackedSize(source);
    super(scope, id, {
      description: 'ONNX Runtime, trimmed to one platform',
      compatibleArchitectures: [architecture],
      license: 'MIT',
      code: Code.fromAsset(source, {
        // What is copied decides, not what else lies beside it.
        assetHashType: AssetHashType.OUTPUT,
        bundling: {
          // Never run: the copy below always does it.
          image: DockerImage.fromRegistry('none'),
          local: {
            tryBundle(outputFolder) {
              copyLibrary(source, join(outputFolder, 'onnxruntime'));
              return true;
            },
          },
        },
      }),
    });
  }
}

function copyLibrary(source: string, target: string): void {
  mkdirSync(target);
  for (const name of libraryFiles) cpSync(join(source, name), join(target, name));
  cpSync(join(imageFolder, 'onnxruntime', 'LICENSE'), join(target, 'LICENSE'));
}

/** Where onnxruntime-node, of the image's version, keeps its files for this architecture. */
function libraryFolder(architecture: Architecture): string {
  const wanted = pinnedVersion();
  const packageFile = findPackageFile();
  const installed = packageFile === undefined ? undefined : versionOf(packageFile);
  if (packageFile === undefined || installed !== wanted) {
    throw new ConfigurationError([
      `packaging 'zip' copies ONNX Runtime from the npm package onnxruntime-node ${wanted}, and found ${installed ?? 'none'}: run npm install --save-exact --ignore-scripts onnxruntime-node@${wanted}, or leave packaging at 'image'.`,
    ]);
  }
  const platform = architecture === Architecture.ARM_64 ? 'arm64' : 'x64';
  return join(dirname(packageFile), 'bin', 'napi-v6', 'linux', platform);
}

function findPackageFile(): string | undefined {
  try {
    return createRequire(import.meta.url).resolve('onnxruntime-node/package.json');
  } catch {
    return undefined;
  }
}

function pinnedVersion(): string {
  const pin: { dependencies: Record<string, string> } = JSON.parse(
    readFileSync(join(imageFolder, 'onnxruntime', 'package.json'), 'utf8'),
  );
  return pin.dependencies['onnxruntime-node'] ?? 'unknown';
}

function versionOf(packageFile: string): string {
  const { version }: { version: string } = JSON.parse(readFileSync(packageFile, 'utf8'));
  return version;
}

function checkUnpackedSize(library: string): void {
  const bytes = (folder: string, names: readonly string[]) =>
    names.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
  const total = bytes(library, libraryFiles) + bytes(bundlesFolder, listFiles(bundlesFolder));
  if (total > unpackedLimitBytes) {
    throw new ConfigurationError([
      `packaging 'zip': the bundles and ONNX Runtime are ${total} bytes unpacked, and Lambda takes ${unpackedLimitBytes}; leave packaging at 'image'.`,
    ]);
  }
}
