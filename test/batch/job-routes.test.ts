import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { JobsContext } from '../../src/batch/jobs.ts';
import type { HttpResponse } from '../../src/edge/api/http.ts';
import { createRouter } from '../../src/edge/api/router.ts';
import { jobRouteNames } from '../../src/edge/jobs/job-route-names.ts';
import { jobRoutes } from '../../src/edge/jobs/job-routes.ts';
import { LocalModels } from '../support/local-models.ts';
import { MemoryObjectStore } from '../support/memory-object-store.ts';
import { addConstant } from '../support/onnx-model.ts';
import { requestOf } from './api-request.ts';
import { Simulation } from './simulation.ts';

describe('the jobs API', () => {
  const models = new LocalModels();
  let jobs: MemoryObjectStore;
  let simulation: Simulation;
  let context: JobsContext;

  beforeAll(async () => {
    await models.add('adder', addConstant('FP32', [-1, 2], 10));
  });
  beforeEach(async () => {
    jobs = new MemoryObjectStore();
    simulation = new Simulation({
      jobs,
      results: new MemoryObjectStore(),
      models,
    });
    context = simulation.jobsContext();
    await jobs.put('data/rows.jsonl', '[1,2]\n[3]\n[5,6]\nbad\n[7,8]\n');
  });
  afterAll(async () => {
    await models.close();
  });

  async function call(method: string, path: string, body?: unknown): Promise<HttpResponse> {
    const route = createRouter(jobRoutes(context));
    return route(requestOf(method, path, body === undefined ? '' : JSON.stringify(body)), {});
  }

  async function json(method: string, path: string, body?: unknown) {
    const { body: text } = await call(method, path, body);
    return JSON.parse(typeof text === 'string' ? text : '') as Record<string, unknown> & {
      id: string;
    };
  }

  const oneInput =
    'expected an object with exactly one of key, keys, prefix, list, errorsOf, got an object';
  const job = { model: 'adder', input: { key: 'data/rows.jsonl' } };

  it('has the routes that the function announces', () => {
    expect(Object.keys(jobRoutes(context))).toEqual([...jobRouteNames]);
  });

  it('takes a job, tells where it is, and shows how far it has come', async () => {
    const created = await call('POST', '/v2/jobs', job);
    expect(created.statusCode).toBe(202);
    const location = created.headers['location'] ?? '';
    expect(location).toMatch(/^\/v2\/jobs\/adder\.rows\.[0-9a-f]{16}$/);
    expect(await json('GET', location)).toMatchObject({
      state: 'running',
      model_name: 'adder',
      model_version: '1',
      shards: { planned: 1, done: 0, failed: 0 },
    });
    await simulation.drain();
    expect(await json('GET', location)).toMatchObject({
      state: 'completed',
      records: { done: 5, succeeded: 3, failed: 2 },
      manifest: expect.stringMatching(/^jobs\/.*\/manifest\.json$/) as unknown,
    });
  });

  it('tells how fast a job is and how long it will take, once a shard of it is done', async () => {
    const { id } = await json('POST', '/v2/jobs', { ...job, shardBytes: 1, shardRecords: 1 });
    const planned = await json('GET', `/v2/jobs/${id}`);
    expect(planned).not.toHaveProperty('seconds_left');
    let progress = planned;
    while (simulation.queued > 2) {
      await simulation.deliverOne();
      progress = await json('GET', `/v2/jobs/${id}`);
    }
    const { planned: shards, done } = progress['shards'] as Record<'planned' | 'done', number>;
    const records = progress['records'] as { done: number };
    // By the clock of the simulation, the elapsed time is what both figures are made of.
    const elapsed = (context.nowMs() - Date.parse(String(progress['created_at']))) / 1000;
    expect(done).toBe(shards - 2);
    expect(progress).toMatchObject({
      state: 'running',
      records_per_second: Math.round((records.done / elapsed) * 10) / 10,
      seconds_left: Math.ceil((elapsed * 2) / done),
    });
    await simulation.drain();
    expect(await json('GET', `/v2/jobs/${id}`)).not.toHaveProperty('seconds_left');
  });

  it('takes the same token for the same job', async () => {
    const first = await json('POST', '/v2/jobs', { ...job, token: 'nightly' });
    const second = await json('POST', '/v2/jobs', { ...job, token: 'nightly' });
    const third = await json('POST', '/v2/jobs', job);
    expect(second.id).toBe(first.id);
    expect(third.id).not.toBe(first.id);
    expect(simulation.queued).toBe(2);
  });

  it('pages through jobs and through failed records', async () => {
    for (let index = 0; index < 5; index++) await json('POST', '/v2/jobs', job);
    await simulation.drain();
    const ids: unknown[] = [];
    let next: unknown;
    do {
      const page = await json('GET', `/v2/jobs?limit=2${next ? `&after=${String(next)}` : ''}`);
      ids.push(...(page['jobs'] as { id: string }[]).map(({ id }) => id));
      next = page['next'];
    } while (next !== undefined);
    expect(new Set(ids).size).toBe(5);
    expect(await json('GET', '/v2/jobs?model=other')).toEqual({ jobs: [] });

    const errors = await json('GET', `/v2/jobs/${String(ids[0])}/errors?limit=1`);
    expect(errors['errors']).toEqual([expect.objectContaining({ number: 2 })]);
    const rest = await json(
      'GET',
      `/v2/jobs/${String(ids[0])}/errors?limit=5&after=${String(errors['next'])}`,
    );
    expect(rest).toEqual({ errors: [expect.objectContaining({ number: 4 })] });
  });

  it('refuses what it cannot do with the field that is wrong', async () => {
    const refusals: [string, string, unknown, string, RegExp][] = [
      ['POST', '/v2/jobs', {}, 'INVALID_REQUEST', /^model/],
      ['POST', '/v2/jobs', { model: 'adder' }, 'INVALID_REQUEST', /^input/],
      ['POST', '/v2/jobs', { ...job, colour: 'red' }, 'INVALID_REQUEST', /colour/],
      ['POST', '/v2/jobs', { ...job, shardBytes: -1 }, 'INVALID_REQUEST', /^shardBytes/],
      ['POST', '/v2/jobs', { ...job, model: 'none' }, 'NOT_FOUND', /none/],
      ['POST', '/v2/jobs', { model: 'adder', input: { key: 'gone' } }, 'NOT_FOUND', /gone/],
      ['GET', '/v2/jobs/adder.rows.0123456789abcdef', undefined, 'NOT_FOUND', /not found/],
      ['GET', '/v2/jobs/nonsense', undefined, 'NOT_FOUND', /not found/],
      ['GET', '/v2/jobs?limit=0', undefined, 'INVALID_REQUEST', /^limit/],
      ['GET', '/v2/jobs?after=abcd', undefined, 'INVALID_REQUEST', /^after/],
      ['DELETE', '/v2/jobs', undefined, 'METHOD_NOT_ALLOWED', /GET/],
    ];
    for (const [method, path, body, code, message] of refusals) {
      await expect(call(method, path, body), `${method} ${path}`).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message) as unknown,
      });
    }
  });

  it('says of a field what it should be, and what came', async () => {
    const input = { prefix: 'data/' };
    const refusals: [unknown, string][] = [
      [[], 'job: expected an object, got an array of 0 elements'],
      [{ input }, 'model: expected a value, got nothing'],
      [{ ...job, model: '../x' }, 'model: expected a name, got the string "../x"'],
      [{ ...job, input: { prefx: 'data/' } }, `input: ${oneInput}`],
      [{ ...job, input: { ...input, key: 'a' } }, `input: ${oneInput}`],
      [
        { ...job, input: { ...input, colour: 1 } },
        'input: expected only format, prefix, got "colour"',
      ],
      [
        { ...job, input: { keys: ['a', 5] } },
        'input.keys.1: expected a key of 1 to 1024 characters, got 5',
      ],
      [{ ...job, output: 5 }, 'output: expected an object, got 5'],
      [
        { ...job, output: { colour: 1 } },
        'output: expected only format, merge, joinInput, names, got "colour"',
      ],
      [{ ...job, input: { errorsOf: null } }, 'input.errorsOf: expected the id of a job, got null'],
      [{ ...job, shardBytes: 1.5 }, 'shardBytes: expected a whole number of at least 1, got 1.5'],
      [
        { ...job, output: { format: 'xml' } },
        'output.format: expected one of jsonl, csv, parquet, got the string "xml"',
      ],
      [
        { ...job, output: { names: ['y', 'y'] } },
        'output.names: expected each name once, got an array of 2 elements',
      ],
    ];
    for (const [body, message] of refusals) {
      await expect(call('POST', '/v2/jobs', body)).rejects.toMatchObject({ message });
    }
  });

  it('cancels, and drives again', async () => {
    const { id } = await json('POST', '/v2/jobs', job);
    expect(await json('POST', `/v2/jobs/${id}/cancel`)).toMatchObject({ state: 'cancelled' });
    await simulation.drain();
    expect(await json('POST', `/v2/jobs/${id}/redrive`)).toMatchObject({ state: 'running' });
    await simulation.drain();
    expect(await json('GET', `/v2/jobs/${id}`)).toMatchObject({ state: 'completed' });
  });
});
