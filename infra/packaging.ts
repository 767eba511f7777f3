import { existsSync } from 'node:fs';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import { Architecture, Code, Handler, type ILayerVersion, Runtime } from 'aws-cdk-lib/aws-lambda';
import { environmentVariables } from '../src/contract/environment.ts';
import { ConfigurationError } from './configuration-error.ts';
import { bundlesFolder, imageFolder } from './paths.ts';

/** As a container image, or as a zip file on top of a Lambda layer: the same bundles and the same ONNX Runtime. */
export type Packaging = 'image' | 'zip';

/** What Lambda is given to run. */
export interface FunctionCode {
  readonly code: Code;
  readonly runtime: Runtime;
  readonly handler: string;
  /** @default none: an image takes none */
  readonly layers?: ILayerVersion[];
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * One of the image's commands.
 * @param handler file and export below the task root
 * @param cuda whether the image carries ONNX Runtime's CUDA provider
 */
export function imageCode(
  handler: string,
  architecture: Architecture,
  cuda: boolean,
): FunctionCode {
  requireStaged(imageFolder);
  return {
    code: Code.fromAssetImage(imageFolder, {
      cmd: [handler],
      platform: architecture === Architecture.ARM_64 ? Platform.LINUX_ARM64 : Platform.LINUX_AMD64,
      ...(cuda ? { file: 'Dockerfile.cuda' } : {}),
    }),
    runtime: Runtime.FROM_IMAGE,
    handler: Handler.FROM_IMAGE,
    environment: {},
  };
}

/** The same bundles as a zip file, with the libraries in layers. */
export function zipCode(handler: string, layers: ILayerVersion[]): FunctionCode {
  requireStaged(bundlesFolder);
  return {
    code: Code.fromAsset(bundlesFolder),
    runtime: Runtime.NODEJS_24_X,
    handler,
    layers,
    // What the image's Dockerfile sets.
    environment: { [environmentVariables.onnxRuntimeDir]: '/opt/onnxruntime' },
  };
}

function requireStaged(folder: string): void {
  if (existsSync(folder)) return;
  throw new ConfigurationError([`${folder} is missing: run npm run bundle first.`]);
}
