import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { jobIdOf } from '../../../src/batch/job.ts';
import { environmentVariables } from '../../../src/contract/environment.ts';
import { jobKeys } from '../../../src/contract/job-keys.ts';
import type { Laptop } from '../../../test/batch/laptop.ts';
import { pinned } from './cores.ts';

const workerScript = fileURLToPath(new URL('../../../test/batch/worker.ts', import.meta.url));

/** A process that plans and transforms, on the core of what is measured. Whoever starts it ends it. */
export function startWorker({ environment }: Laptop): ChildProcess {
  const [command, args] = pinned(process.execPath, [workerScript]);
  return spawn(command, args, {
    env: {
      ...process.env,
      ...environment,
      WORKER_TIMEOUT_MS: '900000',
      // The stack's own default: the tests' single second is four requests a second that no function would send.
      [environmentVariables.shardVisibilitySeconds]: '',
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

/**
 * Asks for a job and waits for its manifest.
 *
 * @param key of the document that asks
 * @returns seconds from its upload on, and the key of what the job says of its time and cost
 */
export async function runJob(
  laptop: Laptop,
  model: string,
  request: object,
  key: string,
): Promise<{ readonly seconds: number; readonly timingKey: string }> {
  const startMs = performance.now();
  await laptop.jobs.put(key, JSON.stringify({ model, ...request }));
  const head = await laptop.jobs.head(key);
  const { manifest, timing } = jobKeys(jobIdOf('job', key, ['jobs', key, head?.etag ?? '']));
  while ((await laptop.results.head(manifest)) === undefined) await sleep(10);
  return { seconds: (performance.now() - startMs) / 1_000, timingKey: timing };
}
