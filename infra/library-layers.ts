import { cpSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Annotations, AssetHashType, DockerImage } from 'aws-cdk-lib';
import { Architecture, Code, type ILayerVersion, LayerVersion } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { ConfigurationError } from './configuration-error.ts';
import { as } from './optional.ts';
import { bundlesFolder, imageFolder } from './paths.ts';
import { listFiles } from './staging.ts';

/*
 * The image's lower layers as true Lambda layers, for functions that are deployed as zip files: the same files in the
 * same places, copied from the npm packages that are installed here, so that no Docker is needed.
 */

/** Lambda's limit for a zip function: its code and its layers unpacked (docs: gettingstarted-limits, 250 MB). */
const unpackedLimitBytes = 250 * 1024 * 1024;

/** What a layer holds: paths inside it, and the files or folders that they are copied from. */
type Contents = ReadonlyMap<string, string>;

/** The layers of one architecture, children of `scope`. @throws ConfigurationError when ONNX Runtime is not installed */
export function createLibraryLayers(scope: Construct, architecture: Architecture): ILayerVersion[] {
  const platform = architecture === Architecture.ARM_64 ? 'arm64' : 'x64';
  const onnxRuntime = onnxRuntimeContents(platform);
  const sharp = sharpContents(platform);
  checkUnpackedSize([...onnxRuntime.values(), ...(sharp?.values() ?? []), bundlesFolder]);
  const layers = [
    createLayer(scope, 'OnnxRuntime', architecture, onnxRuntime, {
      description: 'ONNX Runtime, trimmed to one platform',
      license: 'MIT',
    }),
  ];
  if (sharp === undefined) {
    const version = pinnedVersion('sharp');
    Annotations.of(scope).addWarningV2(
      'pilotlight:no-pictures',
      `packaging 'zip' copies sharp ${version} for linux-${platform} from npm, and it is not installed: tasks that take pictures will fail. Run npm install --save-exact --os=linux --libc=glibc --cpu=${platform} sharp@${version}, leave packaging at 'image', or acknowledge this warning.`,
    );
  } else {
    layers.push(
      createLayer(scope, 'Sharp', architecture, sharp, {
        description: 'sharp, which decodes pictures',
        license: 'Apache-2.0 AND LGPL-3.0-or-later',
      }),
    );
  }
  return layers;
}

function createLayer(
  scope: Construct,
  id: string,
  architecture: Architecture,
  contents: Contents,
  words: { readonly description: string; readonly license: string },
): ILayerVersion {
  const code = Code.fromAsset(imageFolder, {
    // What is copied decides, and not the folder, which CDK wants to be named.
    assetHashType: AssetHashType.OUTPUT,
    bundling: {
      // Never run, for the copy below always does it; but by them CDK tells one bundling from another.
      image: DockerImage.fromRegistry('none'),
      command: [id, architecture.name],
      local: {
        tryBundle(outputFolder) {
          for (const [path, source] of contents) {
            mkdirSync(dirname(join(outputFolder, path)), { recursive: true });
            cpSync(source, join(outputFolder, path), { recursive: true, dereference: true });
          }
          return true;
        },
      },
    },
  });
  return as<ILayerVersion>(
    new LayerVersion(scope, id, { ...words, code, compatibleArchitectures: [architecture] }),
  );
}

function onnxRuntimeContents(platform: string): Contents {
  const wanted = pinnedVersion('onnxruntime-node');
  const folder = packageFolder('onnxruntime-node');
  const installed = folder === undefined ? undefined : versionOf(folder);
  if (folder === undefined || installed !== wanted) {
    throw new ConfigurationError([
      `packaging 'zip' copies ONNX Runtime from the npm package onnxruntime-node ${wanted}, and found ${installed ?? 'none'}: run npm install --save-exact --ignore-scripts onnxruntime-node@${wanted}, or leave packaging at 'image'.`,
    ]);
  }
  const binaries = join(folder, 'bin', 'napi-v6', 'linux', platform);
  return new Map([
    ...['libonnxruntime.so.1', 'onnxruntime_binding.node'].map(
      (name) => [`onnxruntime/${name}`, join(binaries, name)] as const,
    ),
    ['onnxruntime/LICENSE', join(imageFolder, 'onnxruntime', 'LICENSE')],
  ]);
}

/** sharp, what it needs, and its native part for one platform; undefined when one of them is not installed. */
function sharpContents(platform: string): Contents | undefined {
  const folder = packageFolder('sharp');
  if (folder === undefined || versionOf(folder) !== pinnedVersion('sharp')) return undefined;
  const names = [
    ...['sharp', '@img/colour', 'detect-libc', 'semver'],
    ...[`@img/sharp-linux-${platform}`, `@img/sharp-libvips-linux-${platform}`],
  ];
  const contents = new Map(
    // Where Node's runtime on Lambda looks for packages of layers.
    names.map((name) => [`nodejs/node_modules/${name}`, join(dirname(folder), name)] as const),
  );
  return [...contents.values()].every((path) => existsSync(path)) ? contents : undefined;
}

/** The folder of an installed package: the one above its entry that has its package.json. */
function packageFolder(name: string): string | undefined {
  try {
    let folder = dirname(createRequire(import.meta.url).resolve(name));
    while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
    return folder;
  } catch {
    return undefined;
  }
}

function pinnedVersion(name: 'onnxruntime-node' | 'sharp'): string {
  const folder = name === 'sharp' ? 'sharp' : 'onnxruntime';
  const pin: { dependencies: Record<string, string> } = JSON.parse(
    readFileSync(join(imageFolder, folder, 'package.json'), 'utf8'),
  );
  return pin.dependencies[name] ?? 'unknown';
}

function versionOf(folder: string): string {
  const { version }: { version: string } = JSON.parse(
    readFileSync(join(folder, 'package.json'), 'utf8'),
  );
  return version;
}

/** @param paths of files and folders */
function checkUnpackedSize(paths: readonly string[]): void {
  const bytesOf = (path: string): number =>
    statSync(path).isDirectory()
      ? listFiles(path).reduce((sum, name) => sum + statSync(join(path, name)).size, 0)
      : statSync(path).size;
  const total = paths.reduce((sum, path) => sum + bytesOf(path), 0);
  if (total > unpackedLimitBytes) {
    throw new ConfigurationError([
      `packaging 'zip': bundles and libraries are ${total} bytes unpacked, and Lambda takes ${unpackedLimitBytes}; leave packaging at 'image'.`,
    ]);
  }
}
