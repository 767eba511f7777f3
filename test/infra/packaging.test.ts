import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { Architecture } from 'aws-cdk-lib/aws-lambda';
import { describe, expect, it } from 'vitest';
import { InferenceService } from '../../infra/inference-service.ts';
import type { InferenceServiceProps } from '../../infra/inference-service-props.ts';
import { imageFolder, packageRoot } from '../../infra/paths.ts';
import { listFiles } from '../../infra/staging.ts';
import './support.ts';

const mebibyte = 1024 * 1024;

/** A synthesised assembly: its template's resources, and where its assets are. */
function assemble(props: InferenceServiceProps) {
  const app = new App();
  new InferenceService(new Stack(app, 'Test'), 'Inference', props);
  const assembly = app.synth();
  const resources: Record<string, { Type: string; Properties: Record<string, unknown> }> =
    assembly.getStackByName('Test').template.Resources;
  const manifest = JSON.parse(readFileSync(join(assembly.directory, 'Test.assets.json'), 'utf8'));
  const messages = assembly
    .getStackByName('Test')
    .messages.map(({ entry }) => String(entry.data))
    .filter((text) => text.startsWith('packaging'));
  return { directory: assembly.directory, resources: Object.values(resources), manifest, messages };
}

/** The folder of the asset that a property's key names. */
function assetFolder({ directory }: { readonly directory: string }, property: unknown): string {
  const [hash] = /[0-9a-f]{64}/.exec(JSON.stringify(property)) ?? [];
  return join(directory, `asset.${hash}`);
}

describe('a container image', () => {
  const assembly = assemble({});

  it('is one asset for all functions, built from a small folder for one platform', () => {
    const images = Object.values<{ source: Record<string, string> }>(
      assembly.manifest.dockerImages,
    );
    expect(images).toHaveLength(1);
    expect(images[0]?.source).toMatchObject({ platform: 'linux/arm64' });
    const folder = join(assembly.directory, images[0]?.source['directory'] ?? '');
    expect(listFiles(folder).filter((path) => !path.startsWith('functions/'))).toEqual([
      'Dockerfile',
      'Dockerfile.cuda',
      'compile/compile.mjs',
      'onnxruntime/LICENSE',
      'onnxruntime/package-lock.json',
      'onnxruntime/package.json',
      'sharp/package-lock.json',
      'sharp/package.json',
    ]);
    const bytes = listFiles(folder).reduce(
      (sum, path) => sum + statSync(join(folder, path)).size,
      0,
    );
    expect(bytes).toBeLessThan(16 * mebibyte);
  });

  it('is for x86_64 when told to', () => {
    const { manifest } = assemble({ architecture: Architecture.X86_64 });
    const [image] = Object.values<{ source: Record<string, string> }>(manifest.dockerImages);
    expect(image?.source).toMatchObject({ platform: 'linux/amd64' });
  });

  it("installs its libraries in the versions that the project's own lock has", () => {
    const read = (path: string) => JSON.parse(readFileSync(join(packageRoot, path), 'utf8'));
    const own = read('package-lock.json').packages;
    for (const [folder, name] of [
      ['onnxruntime', 'onnxruntime-node'],
      ['sharp', 'sharp'],
    ] as const) {
      const path = `node_modules/${name}`;
      expect(read(`layers/${folder}/package.json`).dependencies).toEqual({
        [name]: own[path].version,
      });
      const lock = read(`layers/${folder}/package-lock.json`).packages;
      expect(lock[path].version).toBe(own[path].version);
      expect(lock[path].integrity).toBe(own[path].integrity);
    }
  });
});

describe('a zip file', () => {
  for (const [architecture, platform] of [
    [Architecture.ARM_64, 'arm64'],
    [Architecture.X86_64, 'x64'],
  ] as const) {
    it(`goes with ONNX Runtime for ${platform} as a layer, under Lambda's limits`, () => {
      const assembly = assemble({ packaging: 'zip', architecture });
      expect(assembly.manifest.dockerImages).toEqual({});
      const functions = assembly.resources.filter(
        ({ Type, Properties }) =>
          Type === 'AWS::Lambda::Function' && Properties['Runtime'] === 'nodejs24.x',
      );
      expect(functions.map(({ Properties }) => Properties['Handler'])).toEqual([
        'api/handler.handler',
        'plan/handler.handler',
        'transform/handler.handler',
      ]);
      for (const { Properties } of functions) {
        expect(Properties).toMatchObject({
          Architectures: [architecture.name],
          Layers: expect.arrayContaining([{ Ref: expect.stringMatching(/OnnxRuntime/) }]),
          Environment: { Variables: { PILOTLIGHT_ONNXRUNTIME_DIR: '/opt/onnxruntime' } },
        });
      }
      const layer = assembly.resources.find(
        ({ Type, Properties }) =>
          Type === 'AWS::Lambda::LayerVersion' && /ONNX/.test(String(Properties['Description'])),
      );
      const layerFolder = assetFolder(assembly, layer?.Properties['Content']);
      expect(listFiles(layerFolder)).toEqual([
        'onnxruntime/LICENSE',
        'onnxruntime/libonnxruntime.so.1',
        'onnxruntime/onnxruntime_binding.node',
      ]);
      const library = 'onnxruntime_binding.node';
      expect(readFileSync(join(layerFolder, 'onnxruntime', library))).toEqual(
        readFileSync(
          join(packageRoot, 'node_modules/onnxruntime-node/bin/napi-v6/linux', platform, library),
        ),
      );
      const codeFolder = assetFolder(assembly, functions[0]?.Properties['Code']);
      const bytes = [layerFolder, codeFolder].flatMap((folder) =>
        listFiles(folder).map((path) => statSync(join(folder, path)).size),
      );
      expect(bytes.reduce((sum, size) => sum + size, 0)).toBeLessThan(250 * mebibyte);
      expect(existsSync(join(codeFolder, 'api/handler.mjs'))).toBe(true);
    });
  }

  it('goes with sharp as a layer where it is installed for that architecture, and says so where it is not', () => {
    const installed = process.arch === 'arm64' ? Architecture.ARM_64 : Architecture.X86_64;
    const missing = process.arch === 'arm64' ? Architecture.X86_64 : Architecture.ARM_64;
    const { directory, resources, messages } = assemble({
      packaging: 'zip',
      architecture: installed,
    });
    const layer = resources.find(
      ({ Type, Properties }) =>
        Type === 'AWS::Lambda::LayerVersion' && /sharp/.test(String(Properties['Description'])),
    );
    const files = listFiles(assetFolder({ directory }, layer?.Properties['Content']));
    expect(files).toContain('nodejs/node_modules/sharp/package.json');
    expect(files.filter((path) => /libvips-cpp.*\.so/.test(path))).toHaveLength(1);
    expect(messages).toEqual([]);
    const without = assemble({ packaging: 'zip', architecture: missing });
    expect(without.messages).toEqual([
      expect.stringMatching(/^packaging 'zip' copies sharp .* from npm, and it is not installed/),
    ]);
  });

  it('keeps the architectures of two services of one app apart', () => {
    const app = new App();
    for (const architecture of [Architecture.ARM_64, Architecture.X86_64]) {
      const stack = new Stack(app, architecture.name.replace('_', '-'));
      new InferenceService(stack, 'Inference', { packaging: 'zip', architecture });
    }
    const contents = app.synth().stacks.map(({ template }) => {
      const resources = Object.values<{ Type: string; Properties: Record<string, unknown> }>(
        template.Resources,
      );
      return resources.find(({ Type }) => Type === 'AWS::Lambda::LayerVersion')?.Properties[
        'Content'
      ];
    });
    expect(contents[0]).not.toEqual(contents[1]);
  });

  it('holds the same bundles as the image', () => {
    const assembly = assemble({ packaging: 'zip' });
    const code = assembly.resources.find(
      ({ Properties }) => Properties['Handler'] === 'api/handler.handler',
    );
    const folder = assetFolder(assembly, code?.Properties['Code']);
    expect(listFiles(folder)).toEqual(listFiles(join(imageFolder, 'functions')));
  });
});
