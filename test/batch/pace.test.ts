import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createMediaDecoders } from '../../src/adapters/media/decoders.ts';
import { readDocument } from '../../src/batch/document.ts';
import { jobSchema } from '../../src/batch/job.ts';
import { submitLaterRequest } from '../../src/batch/submit-later.ts';
import { jobKeys } from '../../src/contract/job-keys.ts';
import { parseModelConfiguration } from '../../src/models/configuration.ts';
import { createPredictor } from '../../src/tasks/create.ts';
import type { Predictor } from '../../src/tasks/predictor.ts';
import { LocalModels } from '../support/local-models.ts';
import { MemoryObjectStore } from '../support/memory-object-store.ts';
import { addConstant, identityModel } from '../support/onnx-model.ts';
import { type JobOutput, readOutput } from './simulated-jobs.ts';
import { Simulation } from './simulation.ts';

/** A PNG of one pixel. */
const pixel = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==',
  'base64',
);

describe('the pace of a model in jobs', () => {
  const models = new LocalModels();
  let predictor: Predictor;
  let jobs: MemoryObjectStore;
  let results: MemoryObjectStore;

  beforeAll(async () => {
    await models.add('adder', addConstant('FP32', [-1, 2], 10));
    const image = { resize: { mode: 'exact', width: 1, height: 1 } };
    const text = JSON.stringify({ task: { type: 'image-feature-extraction', image } });
    const configuration = await parseModelConfiguration('pictures', text);
    await models.add('pictures', identityModel('FP32', [-1, 3, 1, 1]), configuration);
    const { session } = await models.acquire({ model: 'pictures', version: undefined });
    const { inputs, outputs } = session;
    if (configuration.task === undefined) throw new Error('expected a task');
    const readFile = async () => undefined;
    predictor = await createPredictor(
      configuration.task,
      { name: 'pictures', inputs, outputs, labels: [], readFile },
      createMediaDecoders(),
    );
  });
  beforeEach(() => {
    jobs = new MemoryObjectStore();
    results = new MemoryObjectStore();
  });
  afterAll(() => models.close());

  const simulate = (runMs: number, known: MemoryObjectStore = results, task?: Predictor) =>
    new Simulation({
      jobs,
      results: known,
      models,
      predictor: task,
      runMs,
    });
  const simulatePictures = (runMs: number) => simulate(runMs, results, predictor);

  /** What a job was cut by. */
  async function submit(simulation: Simulation, name: string, request: object) {
    const key = `in/${name}.job.json`;
    await jobs.put(key, JSON.stringify(request));
    const submission = await simulation.upload(key);
    if (submission.outcome !== 'job') throw new Error(JSON.stringify(submission));
    const keys = jobKeys(submission.jobId);
    const job = await readDocument(simulation.context().results, keys.job, jobSchema);
    if (job === undefined) throw new Error('expected the document of the job');
    return { ...job, shards: simulation.queued };
  }

  async function putPictures(prefix: string, count: number): Promise<void> {
    for (let index = 0; index < count; index++) {
      await jobs.put(`data/${prefix}/${String(index).padStart(4, '0')}.png`, pixel);
    }
  }

  it('is taken for that of pictures where nobody measured, and remembered of a job with a task', async () => {
    await putPictures('many', 700);
    const many = { model: 'pictures', input: { prefix: 'data/many/' } };
    const planned = simulatePictures(0);
    expect(await submit(planned, 'first', many)).toMatchObject({ shardRecords: 300, shards: 3 });

    await putPictures('few', 4);
    const measured = simulatePictures(1_000);
    await submit(measured, 'second', { model: 'pictures', input: { prefix: 'data/few/' } });
    await measured.drain();
    expect(measured.completed).toMatchObject([{ records: 4, failed: 0 }]);

    const third = simulatePictures(0);
    const { shardRecords, shards } = await submit(third, 'third', many);
    // A second each, and the requests for it.
    expect(shardRecords).toBeGreaterThan(25);
    expect(shardRecords).toBeLessThanOrEqual(30);
    expect(shards).toBe(Math.ceil(700 / shardRecords));
  });

  it('is not told by a job too short to tell, nor by a single request', async () => {
    await jobs.put('data/few.jsonl', '[1,2]\n[3,4]\n');
    const short = simulate(10);
    const first = await submit(short, 'short', {
      model: 'adder',
      input: { key: 'data/few.jsonl' },
    });
    await short.drain();
    const request = simulate(5_000);
    const body = { inputs: [{ name: 'x', shape: [1, 2], datatype: 'FP32', data: [1, 2] }] };
    const reference = { model: 'adder', version: undefined };
    const jobId = await submitLaterRequest(request.context(), reference, {
      route: 'infer',
      text: JSON.stringify(body),
    });
    await request.plan(jobId);
    await request.drain();
    expect(request.completed).toMatchObject([{ records: 1, failed: 0 }]);
    const next = await submit(simulate(0), 'next', {
      model: 'adder',
      input: { key: 'data/few.jsonl' },
    });
    expect(next.shardRecords).toBe(first.shardRecords);
    expect(next.shardBytes).toBe(first.shardBytes);
  });

  it('tells nothing of rows per run: what one job asks for is its own', async () => {
    const lines = Array.from({ length: 64 }, (_, index) => `[${index},${-index}]\n`).join('');
    await jobs.put('data/rows.jsonl', lines);
    const input = { key: 'data/rows.jsonl' };
    const asked = simulate(1_000);
    await submit(asked, 'asked', { model: 'adder', input, rowsPerRun: 1 });
    await asked.drain();
    const next = await submit(simulate(0), 'next', { model: 'adder', input });
    expect(next.rowsPerRun).toBeUndefined();
    // Its pace is known, though: a second a row, of ten bytes or less.
    expect(next.shardRecords).toBe(30);
    expect(next.shardBytes).toBeLessThan(300);
  });

  it('changes where shards are cut, and nothing of what they hold', async () => {
    const lines = Array.from({ length: 500 }, (_, index) =>
      index % 50 === 7 ? 'nonsense' : `[${index},${index / 7}]`,
    );
    await jobs.put('data/rows.jsonl', lines.join('\n'));
    const input = { key: 'data/rows.jsonl' };
    const run = async (paceMs: number | undefined): Promise<[number, JobOutput]> => {
      const known = new MemoryObjectStore();
      if (paceMs !== undefined) {
        const measured = simulate(paceMs, known);
        await submit(measured, 'before', { model: 'adder', input, rowsPerRun: 4 });
        await measured.drain();
      }
      const simulation = simulate(0, known);
      const { jobId, shards } = await submit(simulation, 'job', {
        model: 'adder',
        input,
        output: { merge: true },
        rowsPerRun: 4,
      });
      await simulation.drain();
      const output = new Map(await readOutput(known, jobId));
      // They name the parts.
      for (const key of [...output.keys()]) {
        if (key.startsWith('output/') || key.startsWith('errors/')) output.delete(key);
      }
      output.delete('manifest.json');
      return [shards, output];
    };
    const [sole, unmeasured] = await run(undefined);
    expect(sole).toBe(1);
    expect([...unmeasured.keys()].sort()).toEqual(['errors.jsonl', 'output.jsonl']);
    let fewer = sole;
    for (const paceMs of [100, 500, 3_000]) {
      const [shards, output] = await run(paceMs);
      expect(shards).toBeGreaterThan(fewer);
      fewer = shards;
      expect(output).toEqual(unmeasured);
    }
  });
});
