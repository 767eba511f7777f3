import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readControl } from '../../src/batch/control.ts';
import { readDocument } from '../../src/batch/document.ts';
import { jobIdOf, jobSchema } from '../../src/batch/job.ts';
import { listAll } from '../../src/batch/object-store.ts';
import { jobKeys } from '../../src/contract/job-keys.ts';
import { LocalModels } from '../support/local-models.ts';
import { MemoryObjectStore } from '../support/memory-object-store.ts';
import { addConstant } from '../support/onnx-model.ts';
import { SeededRandom } from '../support/random.ts';
import { type Laptop, startLaptop } from './laptop.ts';
import { randomJob, readOutput } from './simulated-jobs.ts';
import { Simulation } from './simulation.ts';
import { Workers } from './workers.ts';

/** More in the nightly script. */
const seeds = Number(process.env['PILOTLIGHT_WIRE_SEEDS'] ?? 20);
/** Jobs that are under way together. */
const together = 20;
const roundMs = 180_000;
const killsInRound = 8;

/**
 * Real servers, real SDK, real processes: requests fail, answers get lost, bodies break off and trickle, messages
 * come twice, late and out of order, and workers are killed at any moment.
 */
describe('jobs over a wire on which everything goes wrong', () => {
  const model = addConstant('FP32', [-1, 2], 10);
  let laptop: Laptop;
  let workers: Workers;

  beforeAll(async () => {
    laptop = await startLaptop({ maxReceiveCount: 100 });
    await laptop.models.put('adder/1/model.onnx', model);
    workers = new Workers(laptop.environment, 2);
  });
  afterAll(async () => {
    await workers.stop();
    await laptop.close();
  });

  function injectFaults(seed: number): void {
    laptop.s3.setFaults({
      seed,
      slowBodyMs: 20,
      rates: {
        internalError: 0.02,
        slowDown: 0.02,
        resetBeforeAnswer: 0.02,
        resetMidBody: 0.03,
        slowBody: 0.02,
        lostResponse: 0.02,
        duplicateNotification: 0.2,
        delayNotification: 0.2,
      },
    });
    laptop.sqs.setFaults({
      seed,
      maximumDelayMs: 500,
      rates: {
        throttle: 0.03,
        internalError: 0.02,
        resetBeforeAnswer: 0.02,
        lostResponse: 0.02,
        entryFailure: 0.1,
        duplicate: 0.1,
        delay: 0.1,
        reorder: 0.3,
      },
    });
  }

  function healFaults(): void {
    laptop.s3.setFaults(undefined);
    laptop.sqs.setFaults(undefined);
  }

  async function submit(seed: number): Promise<string> {
    const random = new SeededRandom(seed);
    const { text, request } = randomJob(random, false);
    const input = request.input.key.replace('input', `${seed}`);
    await laptop.jobs.put(input, text);
    const key = `in/${seed}.job.json`;
    // The first job would otherwise measure for the others, and the shards of a job follow from that.
    const document = { rowsPerRun: random.integer(1, 16), ...request, input: { key: input } };
    await laptop.jobs.put(key, JSON.stringify(document));
    return key;
  }

  async function jobIdFor(key: string): Promise<string> {
    const head = await laptop.jobs.head(key);
    return jobIdOf('job', key, ['jobs', key, head?.etag ?? '']);
  }

  async function waitFor(jobIds: readonly string[]): Promise<void> {
    const deadline = Date.now() + roundMs;
    for (const jobId of jobIds) {
      const { manifest } = jobKeys(jobId);
      // A look that fails is one of the faults: it says nothing about the job.
      while ((await laptop.results.head(manifest).catch(() => undefined)) === undefined) {
        if (Date.now() > deadline) throw new Error(await stateOf(jobId));
        await sleep(100);
      }
    }
  }

  /** What there is of a job that does not end. */
  async function stateOf(jobId: string): Promise<string> {
    healFaults();
    const { results } = laptop;
    const control = await readControl(results, jobKeys(jobId));
    const keys: string[] = [];
    for await (const { key } of listAll(results, jobKeys(jobId).prefix)) keys.push(key);
    return `${jobId} has no manifest; ${control?.reason ?? 'it was not stopped'}; ${workers.errors}\n${keys.join('\n')}`;
  }

  /** What the same upload comes to when nothing goes wrong. */
  async function faultless(key: string, jobId: string) {
    const job = await readDocument(laptop.results, jobKeys(jobId).job, jobSchema);
    const models = new LocalModels();
    await models.add('adder', model, {}, job?.model.fingerprint);
    const results = new MemoryObjectStore();
    const simulation = new Simulation({
      jobs: laptop.jobs,
      results,
      models,
    });
    await simulation.upload(key);
    await simulation.drain();
    await models.close();
    return readOutput(results, jobId);
  }

  it('come to the bytes of the faultless run', async () => {
    const injected: Record<string, number> = {};
    for (let first = 1; first <= seeds; first += together) {
      injectFaults(first);
      const round = Array.from(
        { length: Math.min(together, seeds - first + 1) },
        (_, index) => first + index,
      );
      const random = new SeededRandom(first);
      // Killed without end, workers on a busy machine would do nothing but start.
      let kills = killsInRound;
      const killer = setInterval(() => {
        if (kills === 0 || !random.chance(0.5)) return;
        kills -= 1;
        workers.kill();
      }, 1_500);
      const keys = await Promise.all(round.map(submit));
      const jobIds = await Promise.all(keys.map(jobIdFor));
      await waitFor(jobIds).finally(() => clearInterval(killer));
      healFaults();
      for (const [index, key] of keys.entries()) {
        const jobId = jobIds[index] ?? '';
        const expected = await faultless(key, jobId);
        expect(
          Object.fromEntries(await readOutput(laptop.results, jobId)),
          `seed ${round[index]}`,
        ).toEqual(Object.fromEntries(expected));
      }
    }
    for (const [fault, count] of Object.entries(laptop.s3.faultCounts)) {
      injected[`S3 ${fault}`] = count;
    }
    for (const [fault, count] of Object.entries(laptop.sqs.faultCounts)) {
      injected[`SQS ${fault}`] = count;
    }
    injected['workers killed'] = workers.deaths;
    console.log(`${seeds} seeds survived`, injected);
    expect(workers.deaths).toBeGreaterThan(0);
  }, 3_600_000);
});
