import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { projectRoot } from './paths.ts';

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

/** What bundles and template are made from. */
const sources = ['src', 'functions', 'infra', 'layers', 'package-lock.json', 'cdk.json'];

/**
 * Bundles the functions and synthesises the stack, or finds that this was done: each build is kept under the
 * hash of the contents it was made from, so nothing is ever stale and going back to earlier sources is free.
 * @param signal breaks it off
 * @param tries how often it is begun anew because sources change meanwhile
 * @throws BuildError
 */
export async function build(signal?: AbortSignal, tries = 5): Promise<Build> {
  const buildsDir = join(projectRoot, 'dist', 'laptop');
  const hash = await hashSources();
  const buildDir = join(buildsDir, hash);
  const found = {
    assemblyDir: join(buildDir, 'assembly'),
    bundlesDir: join(buildDir, 'functions'),
  };
  if (existsSync(buildDir)) return { ...found, isReused: true };
  const draftDir = join(buildsDir, `draft-${process.pid}`);
  try {
    await mkdir(draftDir, { recursive: true });
    await synthesise(join(draftDir, 'assembly'), signal);
    await cp(join(projectRoot, 'dist', 'functions'), join(draftDir, 'functions'), {
      recursive: true,
    });
    // Someone saved a file meanwhile: what came out is neither the one nor the other.
    if ((await hashSources()) !== hash) {
      if (tries === 1) throw new BuildError('the sources keep changing while they are built');
      return await build(signal, tries - 1);
    }
    await publish(draftDir, buildDir);
    await forgetOldBuilds(buildsDir);
  } finally {
    await rm(draftDir, { recursive: true, force: true });
  }
  return { ...found, isReused: false };
}

/** Builds that are kept: one may be in use by a laptop cloud that runs since before the last change. */
const keptBuilds = 8;

async function forgetOldBuilds(buildsDir: string): Promise<void> {
  const builds = await Promise.all(
    (await readdir(buildsDir)).map(async (name) => {
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

/** Moves a finished build into place; another process may have been faster with the same one. */
async function publish(draftDir: string, buildDir: string): Promise<void> {
  try {
    await rename(draftDir, buildDir);
  } catch (error) {
    if (!existsSync(buildDir)) throw error;
  }
}
