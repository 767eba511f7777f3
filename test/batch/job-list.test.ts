import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readJob } from '../../src/batch/job.ts';
import { type JobSummary, listJobs } from '../../src/batch/job-list.ts';
import { markCreated } from '../../src/batch/job-marks.ts';
import { parseJobRequest } from '../../src/batch/job-request.ts';
import { cancelJob, createJob, redriveJob } from '../../src/batch/jobs.ts';
import type { ObjectStore } from '../../src/batch/object-store.ts';
import { jobKeys, jobsByTimePrefix } from '../../src/contract/job-keys.ts';
import { LocalModels } from '../support/local-models.ts';
import { MemoryObjectStore } from '../support/memory-object-store.ts';
import { addConstant } from '../support/onnx-model.ts';
import { Simulation } from './simulation.ts';

describe('the list of jobs', () => {
  const models = new LocalModels();
  let jobs: MemoryObjectStore;
  let results: MemoryObjectStore;

  beforeAll(async () => {
    await models.add('adder', addConstant('FP32', [-1, 2], 10));
    await models.add('adder.rows', addConstant('FP32', [-1, 2], 10));
  });
  beforeEach(async () => {
    jobs = new MemoryObjectStore();
    results = new MemoryObjectStore();
    await jobs.put('data/rows.jsonl', '[1,2]\n[3]\n[5,6]\nbad\n[7,8]\n');
  });
  afterAll(async () => {
    await models.close();
  });

  const simulate = (maxReceiveCount = Number.POSITIVE_INFINITY) =>
    new Simulation({
      jobs,
      results,
      models,
      maxReceiveCount,
    });

  const create = async (simulation: Simulation, model = 'adder') => {
    const request = parseJobRequest({ model, input: { key: 'data/rows.jsonl' } });
    return (await createJob(simulation.jobsContext(), request)).jobId;
  };

  async function listAllJobs(
    simulation: Simulation,
    options: { readonly limit?: number; readonly model?: string } = {},
  ): Promise<JobSummary[]> {
    const { limit = 100, model } = options;
    const listed: JobSummary[] = [];
    let after: string | undefined;
    do {
      const page = await listJobs(simulation.context(), { model, after, limit });
      expect(page.jobs.length).toBeLessThanOrEqual(limit);
      listed.push(...page.jobs);
      after = page.next;
    } while (after !== undefined);
    return listed;
  }

  const idsOf = (listed: readonly JobSummary[]) => listed.map(({ jobId }) => jobId);

  it('has the newest first, page by page, with nothing lost or doubled', async () => {
    const simulation = simulate();
    const created: string[] = [];
    for (let index = 0; index < 7; index++) created.push(await create(simulation));
    for (const limit of [1, 2, 3, 7, 100]) {
      expect(idsOf(await listAllJobs(simulation, { limit }))).toEqual(created.toReversed());
    }
    const page = await listJobs(simulation.context(), {
      model: undefined,
      after: undefined,
      limit: 7,
    });
    expect(page.next, 'a full page without a next one').toBeUndefined();
  });

  it('goes on where one listing ends, also within the marks of a job', async () => {
    const simulation = simulate();
    const atMs = Date.UTC(2026, 0, 1);
    for (let index = 0; index < 700; index++) {
      const jobId = `adder.rows.${index.toString(16).padStart(16, '0')}`;
      const place = `${jobsByTimePrefix}${9_999_999_999_999 - atMs}/${jobId}/`;
      await results.put(`${place}created,adder,1,api`, '');
      await results.put(`${place}completed,1,r5-f2-n5-b9-c00000000-e9-w1-m1`, '');
    }
    const listed = await listAllJobs(simulation, { limit: 60 });
    expect(new Set(idsOf(listed)).size).toBe(700);
    expect(listed).toHaveLength(700);
    expect(listed.every(({ state, words }) => state === 'completed' && words !== undefined)).toBe(
      true,
    );
  });

  it('passes over what it has not written, a listing full of it too', async () => {
    const simulation = simulate();
    const first = await create(simulation);
    for (let index = 0; index < 1_500; index++) {
      await results.put(`${jobsByTimePrefix}${String(index).padStart(4, '0')} no job`, '');
    }
    const [mark] = results.keys().filter((key) => key.endsWith('created,adder,1,api'));
    await results.put(`${mark}%`, '');
    await results.put(`${mark?.replace('created', 'unknown')}`, '');
    const second = await create(simulation);
    for (const limit of [1, 2]) {
      expect(idsOf(await listAllJobs(simulation, { limit }))).toEqual([second, first]);
      expect(await listAllJobs(simulation, { limit, model: 'other' })).toEqual([]);
    }
  });

  it('tells of each job what it was made of, and of a complete one what it came to', async () => {
    const simulation = simulate();
    await create(simulation);
    await simulation.drain();
    const [listed] = await listAllJobs(simulation);
    expect(listed).toMatchObject({
      state: 'completed',
      words: { model: 'adder', version: '1', source: 'api' },
      shards: 1,
      figures: { records: 5, failed: 2 },
    });
    await create(simulation);
    expect(await listAllJobs(simulation)).toMatchObject([
      { state: 'running', shards: 1, figures: undefined },
      { state: 'completed' },
    ]);
  });

  it('takes one listing, and no read for a job that is complete', async () => {
    const simulation = simulate();
    for (let index = 0; index < 20; index++) await create(simulation);
    await simulation.drain();
    await create(simulation);
    const calls: string[] = [];
    const counted = countCalls(results, calls);
    const context = { results: counted, nowMs: () => 0 };
    const page = await listJobs(context, { model: undefined, after: undefined, limit: 100 });
    expect(page.jobs).toHaveLength(21);
    expect(calls).toEqual(['list', 'get']);
  });

  it('keeps models apart whose names begin alike', async () => {
    const simulation = simulate();
    const first = await create(simulation);
    const second = await create(simulation, 'adder.rows');
    expect(idsOf(await listAllJobs(simulation, { model: 'adder' }))).toEqual([first]);
    expect(idsOf(await listAllJobs(simulation, { model: 'adder.rows' }))).toEqual([second]);
    expect(await listAllJobs(simulation, { model: 'other' })).toEqual([]);
  });

  it('tells why a job was cancelled, and that it goes on', async () => {
    const simulation = simulate();
    const jobId = await create(simulation);
    await cancelJob(simulation.jobsContext(), jobId);
    expect(await listAllJobs(simulation)).toMatchObject([
      { jobId, state: 'cancelled', reason: 'it was cancelled' },
    ]);
    await redriveJob(simulation.jobsContext(), jobId);
    expect(await listAllJobs(simulation)).toMatchObject([{ jobId, state: 'running', shards: 1 }]);
    await simulation.drain();
    expect(await listAllJobs(simulation)).toMatchObject([{ jobId, state: 'completed' }]);
  });

  it('tells that a job failed because shards of it were given up', async () => {
    const simulation = simulate(3);
    const jobId = await create(simulation);
    simulation.breakReads(new Set([0]));
    await simulation.drain();
    expect(simulation.deadLetters).toHaveLength(1);
    expect(await listAllJobs(simulation)).toMatchObject([
      { jobId, state: 'failed', reason: '1 of 1 shards were given up' },
    ]);
  });

  it('has what was refused, once, however often it is told and whatever comes of it', async () => {
    const simulation = simulate();
    const request = { model: 'later', input: { key: 'data/rows.jsonl' } };
    await jobs.put('in/later/rows.job.json', JSON.stringify(request));
    for (let times = 0; times < 3; times++) await simulation.upload('in/later/rows.job.json');
    const refused = await listAllJobs(simulation, { model: 'later' });
    expect(refused).toMatchObject([
      {
        state: 'failed',
        reason: expect.stringContaining('model later') as unknown,
        words: undefined,
      },
    ]);
    await cancelJob(simulation.jobsContext(), refused[0]?.jobId ?? '');
    await simulation.upload('in/later/rows.job.json');
    expect(idsOf(await listAllJobs(simulation))).toEqual(idsOf(refused));

    await models.add('later', addConstant('FP32', [-1, 2], 1));
    await simulation.upload('in/later/rows.job.json');
    await simulation.drain();
    expect(await listAllJobs(simulation)).toMatchObject([
      { jobId: refused[0]?.jobId, state: 'completed', words: { model: 'later' } },
    ]);
  });

  it('reads of the job itself what is too long for a key', async () => {
    const simulation = simulate();
    const jobId = await create(simulation);
    const { job: key } = jobKeys(jobId);
    const job = await readJob(results, jobKeys(jobId));
    const source = `in/adder/${'é'.repeat(400)}.jsonl`;
    const long = { ...job, source };
    results = new MemoryObjectStore();
    await results.put(key, JSON.stringify(long));
    await markCreated(results, long);
    expect(results.keys().every((one) => Buffer.byteLength(one) <= 1024)).toBe(true);
    const context = { results, nowMs: () => 0 };
    const { jobs: listed } = await listJobs(context, {
      model: 'adder',
      after: undefined,
      limit: 5,
    });
    expect(listed).toMatchObject([{ state: 'planning', words: { model: 'adder', source } }]);
  });
});

/** The store, with the name of each call that reads. */
function countCalls(store: MemoryObjectStore, calls: string[]): ObjectStore {
  const count = (name: string) => {
    calls.push(name);
    return store;
  };
  return {
    head: (...args) => count('head').head(...args),
    read: (...args) => count('read').read(...args),
    get: (...args) => count('get').get(...args),
    put: (...args) => count('put').put(...args),
    assemble: (...args) => count('assemble').assemble(...args),
    list: (...args) => count('list').list(...args),
  };
}
