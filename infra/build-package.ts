import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { bundleFunctions } from './bundle.ts';
import { stageImage } from './image.ts';
import { packageRoot } from './paths.ts';

/**
 * Makes what the npm package holds beside this project's sources: the functions' bundles and the Docker context, the
 * construct and the command as JavaScript (Node runs no TypeScript below node_modules), and their types. Everything is
 * bundled but the peers, so that installing the package brings nothing else along.
 */
async function buildPackage(): Promise<void> {
  await bundleFunctions();
  stageImage();
  const entries = {
    'infra/index': 'infra/index.ts',
    'cli/main': 'cli/main.ts',
    'cli/client': 'cli/client.ts',
  };
  for (const folder of ['infra', 'cli', 'types']) {
    rmSync(join(packageRoot, 'dist', folder), { recursive: true, force: true });
  }
  await build({
    absWorkingDir: packageRoot,
    entryPoints: entries,
    outdir: 'dist',
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    mainFields: ['module', 'main'],
    banner: {
      js: "import { createRequire as createRequireOfNode } from 'node:module'; const require = createRequireOfNode(import.meta.url);",
    },
    keepNames: true,
    legalComments: 'none',
    external: ['aws-cdk-lib', 'constructs', 'onnxruntime-node'],
    logLevel: 'warning',
  });
  execFileSync(
    join(packageRoot, 'node_modules/.bin/tsc'),
    ['--project', join(packageRoot, 'tsconfig.package.json')],
    { stdio: 'inherit' },
  );
}

await buildPackage();
