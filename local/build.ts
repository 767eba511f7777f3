import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { compileFunctions } from './compile-functions.ts';
import { DataFolderError, DataInUseError, lockData } from './data-lock.ts';
import { diskTrouble } from './disk-trouble.ts';
import { onnxRuntimeDir, projectRoot } from './paths.ts';

/** What `npm start` runs: the synthesised template, and the bundles that its functions name. */
export interface Build {
  /** The cloud assembly, with manifest.json. */
  readonly assemblyDir: string;
  /** The task root of image functions: `<function>/handler.mjs`. */
  readonly bundlesDir: string;
  /** Whether it was there already. */
  readonly isReused: boolean;
}

/** Bundling or synthesis failed; the message ends with what it printed. */
export class BuildError extends Error {
  override readonly name = 'BuildError';
}

export interface BuildOptions {
  /** Breaks it off. */
  readonly signal?: AbortSignal;
  /** Told when there is something to build. @default nobody */
  readonly onBuild?: () => void;
}

/** What bundles and template are made from. */
const sources = [
  'src',
  'functions',
  'infra',
  'layers',
  'local/compile-functions.ts',
  'package-lock.json',
  'cdk.json',
];

const buildsDir = join(projectRoot, 'dist', 'laptop');

/** How often a build is begun anew because sources were saved meanwhile. */
const mostAttempts = 5;

/**
 * Bundles the functions and synthesises the stack, or finds that this was done: each build is kept under the
 * hash of the contents it was made from, so nothing is ever stale and going back to earlier sources is free.
 * Of several processes one builds and the others wait for it.
 * @throws BuildError
 */
export async function build({ signal, onBuild }: BuildOptions = {}): Promise<Build> {
  for (let attempts = 0; ; ) {
    const hash = await hashSources();
    const buildDir = join(buildsDir, hash);
    if (existsSync(buildDir)) {
      return {
        assemblyDir: join(buildDir, 'assembly'),
        bundlesDir: join(buildDir, 'functions'),
        isReused: attempts === 0,
      };
    }
    const unlock = await lockBuilds();
    if (unlock === undefined) {
      await sleep(200, undefined, { signal });
      continue;
    }
    try {
      if (existsSync(buildDir)) continue;
      if (attempts === 0) onBuild?.();
      attempts += 1;
      if (attempts > mostAttempts) {
        throw new BuildError('the sources keep changing while they are built');
      }
      await makeBuild(hash, signal);
    } finally {
      await unlock();
    }
  }
}

/** Undefined when another process is building. */
async function lockBuilds(): Promise<(() => Promise<void>) | undefined> {
  try {
    return await lockData(buildsDir);
  } catch (error) {
    if (error instanceof DataInUseError) return undefined;
    const trouble = error instanceof DataFolderError ? diskTrouble(error.cause) : undefined;
    if (trouble === undefined) throw error;
    throw new BuildError(`${buildsDir} cannot hold what is built: ${trouble.reason}`);
  }
}

async function makeBuild(hash: string, signal: AbortSignal | undefined): Promise<void> {
  const draftDir = join(buildsDir, 'draft');
  await rm(draftDir, { recursive: true, force: true });
  await mkdir(draftDir);
  await synthesise(join(draftDir, 'assembly'), signal);
  await cp(join(projectRoot, 'dist', 'functions'), join(draftDir, 'functions'), {
    recursive: true,
  });
  await compileFunctions(join(draftDir, 'functions'), onnxRuntimeDir()).catch((error: Error) => {
    throw new BuildError(`the functions could not be compiled ahead: ${error.message}`);
  });
  // If someone saved a file meanwhile, what came out is neither the one nor the other.
  if ((await hashSources()) !== hash) return;
  await rename(draftDir, join(buildsDir, hash));
  await forgetOldBuilds();
}

/** Builds that are kept: one may be in use by a laptop cloud that runs since before the last change. */
const keptBuilds = 8;

async function forgetOldBuilds(): Promise<void> {
  const names = (await readdir(buildsDir)).filter((name) => /^[0-9a-f]{16}$/.test(name));
  const builds = await Promise.all(
    names.map(async (name) => {
      const path = join(buildsDir, name);
      return { path, modifiedMs: (await stat(path)).mtimeMs };
    }),
  );
  builds.sort((one, other) => other.modifiedMs - one.modifiedMs);
  for (const { path } of builds.slice(keptBuilds)) {
    await rm(path, { recursive: true, force: true });
  }
}

async function hashSources(): Promise<string> {
  const hash = createHash('sha256').update(process.version);
  const files = (await Promise.all(sources.map(listFiles))).flat().sort();
  for (const file of files) {
    const contents = await readFile(join(projectRoot, file));
    hash.update(`${file}\0${contents.byteLength}\0`).update(contents);
  }
  return hash.digest('hex').slice(0, 16);
}

/** Files at or below a path, relative to the project. */
async function listFiles(path: string): Promise<string[]> {
  const entries = await readdir(join(projectRoot, path), { withFileTypes: true }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOTDIR' || error.code === 'ENOENT') return undefined;
      throw error;
    },
  );
  if (entries === undefined) return existsSync(join(projectRoot, path)) ? [path] : [];
  const below = entries
    .filter(({ name }) => name !== 'node_modules')
    .map((entry) => join(path, entry.name));
  return (await Promise.all(below.map(listFiles))).flat();
}

/**
 * Runs the CDK app by itself, without the cdk command, which takes longer to load than the app to run.
 * What that command would have handed over is handed over here.
 */
async function synthesise(assemblyDir: string, signal: AbortSignal | undefined): Promise<void> {
  const cdkJson: unknown = JSON.parse(await readFile(join(projectRoot, 'cdk.json'), 'utf8'));
  const context =
    typeof cdkJson === 'object' && cdkJson !== null ? Reflect.get(cdkJson, 'context') : {};
  const forLaptop = {
    // The template reader takes names from the one and code from the other.
    'aws:cdk:enable-path-metadata': true,
    'aws:cdk:enable-asset-metadata': true,
    // Rules on what may be deployed are for the deployment, and take longer than the rest.
    '@aws-cdk/core:failSynthOnValidationErrors': false,
    '@aws-cdk/core:validateAgainstDefaultRules': false,
  };
  await run(
    ['infra/app.ts'],
    {
      CDK_OUTDIR: assemblyDir,
      CDK_CONTEXT_JSON: JSON.stringify({ ...context, ...forLaptop }),
    },
    signal,
  );
}

function run(
  args: readonly string[],
  environment: Record<string, string>,
  signal: AbortSignal | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd: projectRoot,
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      signal,
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        output += chunk.toString();
      });
    }
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve();
      else reject(new BuildError(`node ${args.join(' ')} failed:\n${output.trim()}`));
    });
  });
}
