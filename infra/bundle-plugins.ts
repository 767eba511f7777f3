import { readFile } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import { relative } from 'node:path';
import type { Plugin } from 'esbuild';
import { environmentVariables } from '../src/contract/environment.ts';
import { packageRoot } from './paths.ts';

/**
 * onnxruntime-node looks for its binary beside its own files, in a path made at run time. A bundle has
 * no such neighbour, so the binary comes from the folder that the environment names; the rest of the
 * package is bundled, which more than halves the time that requiring it takes.
 */
const bindingRequire =
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the source of another package, not a template
  'require(`../bin/napi-v6/${process.platform}/${process.arch}/onnxruntime_binding.node`)';

/** CommonJS packages in a bundle call `require` for Node's own modules; an ES module has none. */
export const requireInEsModule =
  "const require = process.getBuiltinModule('node:module').createRequire(import.meta.url);";

/**
 * An ES module that imports one of Node's own reads every export of it, and with that loads what stands behind them:
 * all of undici for `node:http`, which takes the processor 29 ms of a cold start. Asked for by a call, a module loads
 * what is used.
 */
export const builtinsByCall: Plugin = {
  name: 'builtins-by-call',
  setup(builder) {
    const names = builtinModules.map((name) => name.replace(/^node:/, ''));
    const filter = new RegExp(`^(?:node:)?(?:${names.join('|')})$`);
    const isHttp = /^(?:node:)?https?$/;
    builder.onResolve({ filter }, ({ path, kind }) => {
      const byCall =
        kind === 'import-statement' || (kind === 'dynamic-import' && isHttp.test(path));
      return byCall ? { path, namespace: kind } : { path, external: true };
    });
    const call = (path: string) => `process.getBuiltinModule(${JSON.stringify(path)})`;
    builder.onLoad({ filter, namespace: 'import-statement' }, ({ path }) => ({
      contents: `module.exports = ${call(path)};`,
      loader: 'js',
    }));
    // Who awaits the HTTP client destructures it, which needs its names: those behind a getter are what loads undici.
    builder.onLoad({ filter, namespace: 'dynamic-import' }, ({ path }) => {
      const properties = Object.entries(
        Object.getOwnPropertyDescriptors(process.getBuiltinModule(path) ?? {}),
      );
      const names = properties.filter(([, { get }]) => get === undefined).map(([name]) => name);
      return {
        contents: `const builtin = ${call(path)}; export default builtin; export const { ${names.join(', ')} } = builtin;`,
        loader: 'js',
      };
    });
  },
};

export const onnxRuntimeBinding: Plugin = {
  name: 'onnxruntime-binding',
  setup(builder) {
    builder.onLoad(
      { filter: /[\\/]onnxruntime-node[\\/]dist[\\/]binding\.js$/ },
      async ({ path }) => {
        const source = await readFile(path, 'utf8');
        if (!source.includes(bindingRequire)) {
          throw new Error(
            `${relative(packageRoot, path)}: expected it to load its binary by ${bindingRequire}; this version of onnxruntime-node does otherwise, so infra/bundle-plugins.ts must learn how`,
          );
        }
        const variable = JSON.stringify(environmentVariables.onnxRuntimeDir);
        const loadBinding = `((folder) => {
        if (!folder) throw new Error('environment variable ' + ${variable} + ': expected the folder of onnxruntime_binding.node, got none');
        return require(require('node:path').join(folder, 'onnxruntime_binding.node'));
      })(process.env[${variable}])`;
        return { contents: source.replace(bindingRequire, () => loadBinding), loader: 'js' };
      },
    );
  },
};

/**
 * sharp stays outside, for it finds its native part by its own place. An ES module's import would look for it beside
 * the bundle alone; `require` looks where NODE_PATH says too, which is where Lambda's layers and the image have it.
 */
export const installedSharp: Plugin = {
  name: 'installed-sharp',
  setup(builder) {
    builder.onResolve({ filter: /^sharp$/ }, ({ path }) => ({ path, namespace: 'installed' }));
    builder.onLoad({ filter: /./, namespace: 'installed' }, ({ path }) => ({
      contents: `import { createRequire } from 'node:module';
        export default createRequire(import.meta.url)(${JSON.stringify(path)});`,
      loader: 'js',
    }));
  },
};

/** The module that starts the thread which prepares pictures, and the one that runs in it. */
const threadStarter = /[\\/]adapters[\\/]media[\\/]picture-thread\.ts$/;
export const threadMain = {
  source: './picture-thread-main.ts',
  bundle: 'threads/picture-thread-main',
};

/** A thread is started by the URL of its file, which is not an import: a bundle has it beside the functions' folders. */
export const threadFiles: Plugin = {
  name: 'thread-files',
  setup(builder) {
    builder.onLoad({ filter: threadStarter }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      const url = `new URL('${threadMain.source}', import.meta.url)`;
      if (!source.includes(url)) throw new Error(`${relative(packageRoot, path)}: expected ${url}`);
      return {
        contents: source.replace(threadMain.source, `../${threadMain.bundle}.mjs`),
        loader: 'ts',
      };
    });
  },
};
