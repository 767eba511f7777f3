import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { cancelJob, getJob, redriveJob } from '../../src/batch/jobs.ts';
import { jobKeys } from '../../src/contract/job-keys.ts';
import { LocalModels } from '../support/local-models.ts';
import { MemoryObjectStore } from '../support/memory-object-store.ts';
import { addConstant } from '../support/onnx-model.ts';
import { SeededRandom } from '../support/random.ts';
import { poison } from './mortal-ports.ts';
import { Simulation } from './simulation.ts';

describe('a job that meets failures', () => {
  const models = new LocalModels();
  let jobs: MemoryObjectStore;
  let results: MemoryObjectStore;

  beforeAll(async () => {
    await models.add('adder', addConstant('FP32', [-1, 1], 10));
  });
  beforeEach(() => {
    jobs = new MemoryObjectStore();
    results = new MemoryObjectStore();
  });
  afterAll(async () => {
    await models.close();
  });

  const simulate = (options: { maxReceiveCount?: number; seed?: number } = {}) =>
    new Simulation({
      random: new SeededRandom(options.seed ?? 1),
      jobs,
      results,
      models,
      ...(options.maxReceiveCount === undefined
        ? {}
        : { maxReceiveCount: options.maxReceiveCount }),
    });

  const line = (value: number | string) =>
    `${JSON.stringify({ id: `${value}`, inputs: [{ name: 'x', shape: [1, 1], datatype: 'FP32', data: [value] }] })}\n`;

  async function submit(
    simulation: Simulation,
    values: readonly (number | string)[],
    request: object = {},
  ) {
    await jobs.put('data/input.jsonl', values.map(line).join(''));
    const document = {
      model: 'adder',
      input: { key: 'data/input.jsonl' },
      output: { merge: true },
      ...request,
    };
    await jobs.put('in/adder.job.json', JSON.stringify(document));
    const submission = await simulation.upload('in/adder.job.json');
    if (submission.outcome === 'ignored') throw new Error(submission.reason);
    return submission.jobId;
  }

  async function outputs(jobId: string): Promise<number[]> {
    const object = await results.get(jobKeys(jobId).mergedOutput('jsonl'));
    const text = Buffer.from(object?.body ?? []).toString();
    const lines = text.split('\n').filter((one) => one !== '');
    return lines.map((one) => {
      const { outputs: tensors } = JSON.parse(one) as { outputs: [{ data: [number] }] };
      return tensors[0].data[0];
    });
  }

  it('ends early when more records fail than it tolerates, and says so', async () => {
    const simulation = simulate();
    const values = Array.from({ length: 100 }, (_, index) => (index < 20 ? 'bad' : index));
    const jobId = await submit(simulation, values, { maxFailedRecords: 5, shardBytes: 500 });
    await simulation.drain();
    const job = await getJob(simulation.jobsContext(), jobId);
    expect(job.state).toBe('failed');
    expect(job.reason).toMatch(/\d+ records failed, more than the 5 that the job tolerates/);
    expect(job.done.size).toBeLessThan(job.plan?.shards ?? 0);
  });

  it('tolerates a share of failures, counted from a thousand records on', async () => {
    const values = Array.from({ length: 3_000 }, (_, index) => (index % 20 === 0 ? 'bad' : index));
    const tolerant = simulate();
    const complete = await submit(tolerant, values, { maxFailedPercent: 6, shardBytes: 20_000 });
    await tolerant.drain();
    expect((await getJob(tolerant.jobsContext(), complete)).state).toBe('completed');
    jobs = new MemoryObjectStore();
    results = new MemoryObjectStore();
    const strict = simulate();
    const failed = await submit(strict, values, { maxFailedPercent: 4, shardBytes: 20_000 });
    await strict.drain();
    const job = await getJob(strict.jobsContext(), failed);
    expect(job.state).toBe('failed');
    expect(job.reason).toContain('5.0 percent');
  });

  it('fails once, with the reason, when its model was replaced', async () => {
    const simulation = simulate();
    const jobId = await submit(simulation, [1, 2, 3], { shardBytes: 50 });
    await models.add('adder', addConstant('FP32', [-1, 1], 11));
    await simulation.drain();
    await models.add('adder', addConstant('FP32', [-1, 1], 10));
    const job = await getJob(simulation.jobsContext(), jobId);
    expect(job).toMatchObject({
      state: 'failed',
      reason: 'model adder version 1 was replaced after the job was planned',
    });
    expect(simulation.deadLetters).toEqual([]);
  });

  it('fails once, with the reason, when its input was replaced', async () => {
    const simulation = simulate();
    const jobId = await submit(simulation, [1, 2, 3]);
    await jobs.put('data/input.jsonl', line(4));
    await simulation.drain();
    expect(await getJob(simulation.jobsContext(), jobId)).toMatchObject({
      state: 'failed',
      reason: 'input data/input.jsonl was replaced or deleted after the job was planned',
    });
  });

  it('is refused, visibly, when there is no such model, and accepted once there is', async () => {
    const simulation = simulate();
    const jobId = await submit(simulation, [1], { model: 'later' });
    expect(await getJob(simulation.jobsContext(), jobId)).toMatchObject({
      state: 'failed',
      reason: expect.stringContaining('model later') as unknown,
      job: undefined,
    });
    await models.add('later', addConstant('FP32', [-1, 1], 1));
    await simulation.upload('in/adder.job.json');
    await simulation.drain();
    expect(await getJob(simulation.jobsContext(), jobId)).toMatchObject({ state: 'completed' });
    expect(await outputs(jobId)).toEqual([2]);
  });

  it('fails when a model dies of one record after another', async () => {
    const simulation = simulate();
    const jobId = await submit(
      simulation,
      Array.from({ length: 60 }, () => poison),
    );
    await simulation.drain();
    expect(await getJob(simulation.jobsContext(), jobId)).toMatchObject({
      state: 'failed',
      reason: expect.stringContaining('the model is broken') as unknown,
    });
  });

  it('names shards that were given up, and a redrive finishes just them', async () => {
    const values = Array.from({ length: 40 }, (_, index) => index);
    const dying = simulate({ maxReceiveCount: 2 });
    const jobId = await submit(dying, values, { shardBytes: 500 });
    dying.breakReads(new Set([499, 1_499]));
    await dying.drain();
    expect(dying.deadLetters.map(({ shard }) => shard.index).sort()).toEqual([1, 3]);
    const failed = await getJob(dying.jobsContext(), jobId);
    expect(failed.state).toBe('failed');
    expect(failed.reason).toMatch(/2 of \d+ shards were given up/);
    expect(failed.failedShards.map(({ shard }) => shard)).toEqual([1, 3]);
    expect(failed.failedShards[0]?.reason).toContain('simulated');

    dying.breakReads(new Set());
    expect((await redriveJob(dying.jobsContext(), jobId)).state).toBe('running');
    expect(dying.queued).toBe(2);
    await dying.drain();
    expect((await getJob(dying.jobsContext(), jobId)).state).toBe('completed');
    expect(await outputs(jobId)).toEqual(values.map((value) => value + 10));
  });

  it('stops when it is cancelled, and goes on when it is driven again', async () => {
    const values = Array.from({ length: 40 }, (_, index) => index);
    const simulation = simulate();
    const jobId = await submit(simulation, values, { shardBytes: 500 });
    await cancelJob(simulation.jobsContext(), jobId);
    await simulation.drain();
    const cancelled = await getJob(simulation.jobsContext(), jobId);
    expect(cancelled).toMatchObject({ state: 'cancelled', figures: { records: 0 } });
    await redriveJob(simulation.jobsContext(), jobId);
    await simulation.drain();
    expect((await getJob(simulation.jobsContext(), jobId)).state).toBe('completed');
    expect(await outputs(jobId)).toEqual(values.map((value) => value + 10));
    await expect(cancelJob(simulation.jobsContext(), jobId)).rejects.toMatchObject({
      code: 'CONFLICT',
    });
    await expect(redriveJob(simulation.jobsContext(), jobId)).rejects.toMatchObject({
      code: 'CONFLICT',
    });
  });

  it('tells of its end once, for an input of no records too', async () => {
    const simulation = simulate();
    const jobId = await submit(simulation, []);
    await simulation.drain();
    expect((await getJob(simulation.jobsContext(), jobId)).state).toBe('completed');
    expect(simulation.completed).toEqual([
      expect.objectContaining({ jobId, records: 0, failed: 0, model: 'adder' }),
    ]);
  });
});
