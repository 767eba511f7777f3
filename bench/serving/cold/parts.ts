import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { onnxRuntimeDir, projectRoot } from '../../../local/paths.ts';
import { environmentVariables } from '../../../src/contract/environment.ts';

/**
 * The parts of a cold start that no handler can do without, each in a process of its own.
 *
 * @param environment what the function would see of AWS
 */
export function coldParts(environment: Readonly<Record<string, string>>) {
  /** What a script says that its work took, in milliseconds; else the whole process. */
  function inFreshProcess(script: string): number {
    const startMs = performance.now();
    const { stdout, stderr, status } = spawnSync(
      process.execPath,
      ['--input-type=module', '-e', script],
      {
        cwd: projectRoot,
        encoding: 'utf8',
        env: {
          ...process.env,
          ...environment,
          [environmentVariables.onnxRuntimeDir]: onnxRuntimeDir(),
        },
      },
    );
    if (status !== 0) throw new Error(stderr);
    return stdout.trim() === '' ? performance.now() - startMs : Number(stdout);
  }

  return {
    /** A process that boots, loads the bundle and makes its first session: what it does before it may serve. */
    boot: (scratch: string): number =>
      inFreshProcess(`
        process.env.${environmentVariables.modelsBucket} = 'models';
        process.env.${environmentVariables.modelCacheDir} = ${JSON.stringify(scratch)};
        await import(${JSON.stringify(join(projectRoot, 'dist/functions/api/handler.mjs'))});
        process.exit(0);`),

    /** A session of a file on disk, in a process that has made one before. */
    session: (path: string, optimisation: 'disabled' | 'all'): number =>
      inFreshProcess(`
        import { InferenceSession } from 'onnxruntime-node';
        const options = { intraOpNumThreads: 1, interOpNumThreads: 1, graphOptimizationLevel: '${optimisation}', logSeverityLevel: 4 };
        await InferenceSession.create(Buffer.from('${identityModel}', 'base64'), options);
        const start = performance.now();
        await InferenceSession.create(${JSON.stringify(path)}, options);
        console.log(performance.now() - start);`),
  };
}

/** `y = x` on one float: the smallest model there is. */
const identityModel =
  'CAgSD3BpbG90bGlnaHQtdGVzdDo7ChAKAXgSAXkiCElkZW50aXR5EgVncmFwaFoPCgF4EgoKCAgBEgQKAggBYg8KAXkSCgoICAESBAoCCAFCAhAR';
