import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import Module, { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cachedDataVersionTag, setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';
import { environmentVariables } from '../src/contract/environment.ts';

type Handler = (...call: unknown[]) => unknown;

/** A bundled script: a function that is given what a CommonJS module is, and the script's URL. */
type Wrapper = (
  exports: object,
  require: (id: string) => unknown,
  module: { exports: object },
  moduleUrl: string,
) => void;

/** What a function's own script exports. */
interface FunctionScript {
  createHandler(): Handler | Promise<Handler>;
  /** Modules of it that scripts which are read later share with it, by the names that those have for them. */
  readonly modules: Readonly<Record<string, unknown>>;
}

/**
 * Makes a function's handler from its script, which infra/function-scripts.ts bundled: what a start needs in one file,
 * the rest in files of `chunks/` that are read when they are needed.
 *
 * Beside the script may lie what V8 compiled it to, with all that a first call used: a start then compiles next to
 * nothing. V8 refuses what another version made of it, or one with other flags, and compiles the script as if nothing
 * were there; the script's name holds a hash of its contents, so it never meets what was made of another one.
 *
 * @param url of the file that Lambda imports
 * @param scriptName of the script beside it
 */
export async function startFunction(url: string, scriptName: string): Promise<Handler> {
  // Lambda starts Node with --expose-gc, which nobody here needs, and with which V8 would refuse all code that was
  // compiled without it: ours, and that of Node's own modules, which then take 20 ms longer to load.
  setFlagsFromString('--no-expose-gc');
  const flags = cachedDataVersionTag();
  const folder = fileURLToPath(new URL('.', url));
  const path = join(folder, scriptName);
  const compiledPath = path.replace(/\.js$/, '.compiled');
  const cachedData = existsSync(compiledPath) ? readFileSync(compiledPath) : undefined;
  const nodeRequire = createRequire(path);
  const loaded = new Map<string, { exports: object }>();
  let shared: FunctionScript['modules'] = {};

  const load = (id: string): unknown => {
    if (!id.startsWith('../chunks/')) return nodeRequire(id);
    if (id in shared) return shared[id];
    const known = loaded.get(id);
    if (known !== undefined) return known.exports;
    const module = { exports: {} };
    // Scripts may ask for each other in a circle: known before it is complete, and forgotten when it never is.
    loaded.set(id, module);
    const chunkPath = join(folder, id);
    try {
      run(scriptAt(chunkPath), chunkPath, module);
    } catch (thrown) {
      loaded.delete(id);
      throw thrown;
    }
    return module.exports;
  };
  const run = (script: Script, path: string, module: { exports: object }): void => {
    const wrapper: Wrapper = process.sourceMapsEnabled
      ? withSourceMap(path)
      : script.runInThisContext();
    wrapper(module.exports, load, module, url);
  };

  const script = scriptAt(path, cachedData);
  const module = { exports: {} };
  run(script, path, module);
  // What infra/function-scripts.ts has it export.
  const { createHandler, modules } = module.exports as FunctionScript;
  shared = modules;
  const handler = await createHandler();
  const compileTo = process.env[environmentVariables.compileTo];
  if (compileTo === undefined) return handler;
  return async (...call) => {
    const result = await handler(...call);
    // As it was when the script was compiled: V8 notes the flags of this moment.
    setFlagsFromString('--heap-growing-percent=0');
    if (cachedDataVersionTag() !== flags) throw new Error('a flag of V8 was changed for good');
    writeFileSync(join(compileTo, basename(compiledPath)), script.createCachedData());
    return result;
  };
}

/** Node keeps the source maps of modules alone: whoever has asked for them gets each script as one. */
function withSourceMap(filename: string): Wrapper {
  const module = new Module(filename);
  // What `require` calls; the types leave it out.
  const compile: unknown = Reflect.get(module, '_compile');
  if (typeof compile !== 'function') throw new Error('Node no longer compiles modules this way');
  Reflect.apply(compile, module, [`module.exports=${readFileSync(filename, 'latin1')}`, filename]);
  return module.exports;
}

/** The bundler writes ASCII, which is the fastest for V8 to take. */
function scriptAt(filename: string, cachedData?: Buffer): Script {
  const source = readFileSync(filename, 'latin1');
  return new Script(source, cachedData === undefined ? { filename } : { filename, cachedData });
}
