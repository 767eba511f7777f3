import { rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { build, type OutputFile } from 'esbuild';
import {
  builtinsByCall,
  installedSharp,
  onnxRuntimeBinding,
  requireInEsModule,
  threadFiles,
  threadMain,
} from './bundle-plugins.ts';
import { toScripts } from './function-scripts.ts';
import { functionNames } from './functions.ts';
import { bundlesFolder, packageRoot } from './paths.ts';
import { listFiles, writeFileIfChanged } from './staging.ts';

/**
 * Bundles the functions. Lambda imports `<function>/handler.mjs`, an ES module, so that it waits for what the handler
 * awaits as it is made: the first session is then made in the init phase. All it does is read the function's script
 * (functions/start.ts). What is imported lazily lies in files of its own under `chunks/`, and is read when it is
 * needed. The same sources give the same bytes; files whose bytes are there already are left alone, others are
 * replaced in one step, so that a running laptop cloud never reads half a file.
 *
 * @param sourceFolder holds `<function>/handler.ts`, which exports `createHandler`. @default the project's functions/
 * @param targetFolder @default dist/functions
 */
export async function bundleFunctions(
  sourceFolder: string = join(packageRoot, 'functions'),
  targetFolder: string = bundlesFolder,
): Promise<void> {
  const outputFiles = [...(await bundleScripts(sourceFolder)), ...(await bundleThread())];
  const paths = new Set<string>();
  for (const { path, contents } of outputFiles) {
    // All is bundled for one place, for names and maps tell of it; where it then lies is all the same.
    const target = join(targetFolder, relative(bundlesFolder, path));
    paths.add(target);
    writeFileIfChanged(target, contents);
  }
  for (const path of listFiles(targetFolder)) {
    const stale =
      /\.(?:m?js(?:\.map)?|compiled)$/.test(path) && !paths.has(join(targetFolder, path));
    if (stale) rmSync(join(targetFolder, path), { force: true });
  }
}

/** What all bundles have in common. */
const common = {
  absWorkingDir: packageRoot,
  bundle: true,
  write: false,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  // ES modules first: what is not called is then left out, of the AWS SDK above all.
  mainFields: ['module', 'main'],
  minify: true,
  keepNames: true,
  // Node prints the line that threw: without a limit that is the whole bundle.
  lineLimit: 200,
  sourcesContent: false,
  legalComments: 'none',
  plugins: [onnxRuntimeBinding, installedSharp, builtinsByCall, threadFiles],
  logLevel: 'warning',
} as const;

async function bundleScripts(sourceFolder: string): Promise<OutputFile[]> {
  const { outputFiles, metafile } = await build({
    ...common,
    plugins: [...common.plugins],
    mainFields: [...common.mainFields],
    entryPoints: functionNames.map((name) => ({
      in: join(sourceFolder, name, 'handler.ts'),
      out: join(name, 'handler'),
    })),
    outdir: bundlesFolder,
    chunkNames: 'chunks/[hash]',
    splitting: true,
    sourcemap: 'inline',
    metafile: true,
  });
  return toScripts(outputFiles, metafile);
}

async function bundleThread(): Promise<OutputFile[]> {
  const { outputFiles } = await build({
    ...common,
    plugins: [...common.plugins],
    mainFields: [...common.mainFields],
    entryPoints: [
      { in: join(packageRoot, 'src/adapters/media', threadMain.source), out: threadMain.bundle },
    ],
    outdir: bundlesFolder,
    outExtension: { '.js': '.mjs' },
    banner: { js: requireInEsModule },
    sourcemap: true,
  });
  return outputFiles;
}

if (import.meta.main) await bundleFunctions();
