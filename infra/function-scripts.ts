import { basename, dirname, join } from 'node:path';
import { type BuildOptions, build, type Metafile, type OutputFile, type Plugin } from 'esbuild';
import { builtinsByCall } from './bundle-plugins.ts';
import { functionNames } from './functions.ts';
import { bundlesFolder, packageRoot } from './paths.ts';

/** Modules as esbuild split them, by their absolute paths. */
interface Modules {
  readonly contents: ReadonlyMap<string, Uint8Array>;
  readonly imports: ReadonlyMap<
    string,
    readonly { readonly path: string; readonly lazy: boolean }[]
  >;
}

/** A script's wrapper, as functions/start.ts calls it; strict, as modules are. */
const opening = '(function(exports,require,module,moduleUrl){"use strict";';
const closing = '})';

/**
 * Turns split ES modules into scripts for functions/start.ts, as V8 can keep what it compiled of a script, lazily
 * compiled functions and all, and of a module it cannot.
 *
 * Of each function, all modules that its start needs become one script, `<function>/code-<hash>.js`, with a
 * `handler.mjs` beside it that starts it. Modules that are imported lazily become scripts of their own under `chunks/`;
 * what they share with a function's start they are given by it.
 */
export async function toScripts(
  outputFiles: readonly OutputFile[],
  metafile: Metafile,
): Promise<OutputFile[]> {
  const modules: Modules = {
    contents: new Map(outputFiles.map(({ path, contents }) => [path, contents])),
    imports: new Map(
      Object.entries(metafile.outputs).map(([path, { imports }]) => [
        join(packageRoot, path),
        imports
          .filter(({ external }) => external !== true)
          .map(({ path, kind }) => ({
            path: join(packageRoot, path),
            lazy: kind === 'dynamic-import',
          })),
      ]),
    ),
  };
  const scripts: OutputFile[] = [];
  const chunks = new Set<string>();
  for (const name of functionNames) {
    const entry = join(bundlesFolder, name, 'handler.js');
    const eager = reachable(modules, [entry], false);
    const late = difference(reachable(modules, [entry], true), eager);
    for (const path of late) chunks.add(path);
    scripts.push(...(await functionScript(modules, name, entry, eager, late)));
  }
  scripts.push(...(await chunkScripts(modules, [...chunks].sort())));
  return scripts;
}

async function functionScript(
  modules: Modules,
  name: string,
  entry: string,
  eager: ReadonlySet<string>,
  late: ReadonlySet<string>,
): Promise<OutputFile[]> {
  const shared = [...late, ...eager]
    .flatMap((path) =>
      (modules.imports.get(path) ?? []).filter(({ lazy }) => lazy || late.has(path)),
    )
    .map(({ path }) => path)
    .filter((path) => eager.has(path));
  const names = [...new Set(shared)].sort();
  const source = [
    `export { createHandler } from ${JSON.stringify(entry)};`,
    ...names.map((path, index) => `import * as module${index} from ${JSON.stringify(path)};`),
    `export const modules = { ${names.map((path, index) => `${JSON.stringify(chunkId(path))}: module${index}`).join(', ')} };`,
  ].join('\n');
  const script = await build({
    ...scriptOptions(modules, eager),
    stdin: { contents: source, resolveDir: packageRoot },
    outdir: join(bundlesFolder, name),
    entryNames: 'code-[hash]',
  });
  const code = script.outputFiles.find(({ path }) => path.endsWith('.js'));
  if (code === undefined) throw new Error(`${name}: esbuild made no script`);
  const handler = await build({
    absWorkingDir: packageRoot,
    stdin: {
      contents: `import { startFunction } from ${JSON.stringify(join(packageRoot, 'functions/start.ts'))};
        export const handler = await startFunction(import.meta.url, ${JSON.stringify(basename(code.path))});`,
      resolveDir: packageRoot,
    },
    outfile: join(bundlesFolder, name, 'handler.mjs'),
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    minify: true,
    keepNames: true,
    plugins: [builtinsByCall],
    logLevel: 'warning',
  });
  return [...script.outputFiles, ...handler.outputFiles];
}

async function chunkScripts(modules: Modules, paths: readonly string[]): Promise<OutputFile[]> {
  if (paths.length === 0) return [];
  const { outputFiles } = await build({
    ...scriptOptions(modules, new Set()),
    entryPoints: [...paths],
    outdir: join(bundlesFolder, 'chunks'),
  });
  return outputFiles;
}

/** @param inlined modules that become part of a script; all others it asks for */
function scriptOptions(
  modules: Modules,
  inlined: ReadonlySet<string>,
): BuildOptions & { readonly write: false } {
  return {
    absWorkingDir: packageRoot,
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    banner: { js: opening },
    footer: { js: closing },
    define: { 'import.meta.url': 'moduleUrl' },
    // A lazy import asks for its script at a later moment, as `load` of functions/start.ts answers.
    supported: { 'dynamic-import': false },
    minify: true,
    lineLimit: 200,
    sourcemap: true,
    sourcesContent: false,
    legalComments: 'none',
    plugins: [moduleFiles(modules, inlined)],
    logLevel: 'warning',
  };
}

function moduleFiles(modules: Modules, inlined: ReadonlySet<string>): Plugin {
  return {
    name: 'module-files',
    setup(builder) {
      builder.onResolve({ filter: /./ }, ({ path, importer, kind }) => {
        const absolute = join(path.startsWith('.') ? dirname(importer) : '/', path);
        if (!modules.contents.has(absolute)) return { path, external: true };
        const isInlined =
          kind === 'entry-point' || (kind === 'import-statement' && inlined.has(absolute));
        return isInlined ? { path: absolute } : { path: chunkId(absolute), external: true };
      });
      builder.onLoad({ filter: /./ }, ({ path }) => {
        const contents = modules.contents.get(path);
        return contents === undefined ? undefined : { contents, loader: 'js' };
      });
    },
  };
}

/** What a script asks for another one by: its path from a function's folder. */
function chunkId(path: string): string {
  return `../chunks/${basename(path)}`;
}

/** Modules that are there once `entries` are: with what they import and, if `lazily`, with what they may import. */
function reachable(
  modules: Modules,
  entries: readonly string[],
  lazily: boolean,
): ReadonlySet<string> {
  const found = new Set(entries);
  for (const path of found) {
    for (const next of modules.imports.get(path) ?? []) {
      if (!next.lazy || lazily) found.add(next.path);
    }
  }
  return found;
}

function difference(all: ReadonlySet<string>, without: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...all].filter((path) => !without.has(path)));
}
