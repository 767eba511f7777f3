import { toJsonSchema } from '@valibot/to-json-schema';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { jobRequestSchema } from '../../src/batch/job-request.ts';
import type { JobsContext } from '../../src/batch/jobs.ts';
import type { JobState } from '../../src/batch/progress.ts';
import { errorResponse } from '../../src/edge/api/error-response.ts';
import type { HttpResponse } from '../../src/edge/api/http.ts';
import { createRouter } from '../../src/edge/api/router.ts';
import { jobRoutes } from '../../src/edge/jobs/job-routes.ts';
import { inferLater } from '../../src/edge/jobs/later.ts';
import { toServingError } from '../../src/errors.ts';
import { isObject } from '../../src/protocol/fields.ts';
import { openApiDocument } from '../../src/protocol/openapi/document.ts';
import { jobSchemas } from '../../src/protocol/openapi/job-schemas.ts';
import { LocalModels } from '../support/local-models.ts';
import { MemoryObjectStore } from '../support/memory-object-store.ts';
import { addConstant } from '../support/onnx-model.ts';
import { operationsOf, undocumented } from '../support/openapi.ts';
import { requestOf } from './api-request.ts';
import { Simulation } from './simulation.ts';

const document: unknown = JSON.parse(
  JSON.stringify(openApiDocument({ version: '1', models: [], pipelines: [] })),
);

describe('the schema of what asks for a job', () => {
  it('is that by which it is read, with words', () => {
    const read = toJsonSchema(jobRequestSchema, { errorMode: 'ignore', typeMode: 'input' });
    expect(withoutWords(jobSchemas['JobRequest'])).toEqual({
      ...withoutWords(read),
      $schema: undefined,
    });
  });
});

/** A schema without what says nothing to a machine: not properties that are called like it. */
function withoutWords(schema: unknown, isNames = false): object {
  if (Array.isArray(schema)) return schema.map((one: unknown) => part(one, false));
  return Object.fromEntries(
    Object.entries(isObject(schema) ? schema : {}).flatMap(([keyword, value]) => {
      if (!isNames && keyword === 'description') return [];
      return [[keyword, part(value, !isNames && keyword === 'properties')]];
    }),
  );
}

function part(value: unknown, isNames: boolean): unknown {
  return typeof value === 'object' && value !== null ? withoutWords(value, isNames) : value;
}

describe('what the jobs API answers', () => {
  const models = new LocalModels();
  let simulation: Simulation;
  let context: JobsContext;

  beforeAll(() => models.add('adder', addConstant('FP32', [-1, 2], 10)));
  beforeEach(async () => {
    const jobs = new MemoryObjectStore();
    await jobs.put('data/rows.jsonl', '[1,2]\n[3]\n[5,6]\nbad\n[7,8]\n');
    simulation = new Simulation({
      jobs,
      results: new MemoryObjectStore(),
      models,
      maxReceiveCount: 3,
    });
    context = simulation.jobsContext();
  });
  afterAll(() => models.close());

  const textOf = (body: unknown) => (body === undefined ? '' : JSON.stringify(body));

  const bodyOf = (response: HttpResponse) =>
    JSON.parse(String(response.body)) as Record<string, unknown>;

  /** Calls a route, and holds its answer against the document. */
  async function call(
    route: string,
    jobId: string,
    options: { query?: string; body?: unknown } = {},
  ) {
    const [method = '', template = ''] = route.split(' ');
    const path = `${template.replace('{job}', jobId)}${options.query ?? ''}`;
    const router = createRouter(jobRoutes(context));
    let response: HttpResponse;
    try {
      response = await router(requestOf(method, path, textOf(options.body)), {});
    } catch (thrown) {
      response = errorResponse(toServingError(thrown));
    }
    const body = bodyOf(response);
    expect(undocumented(document, route, { status: response.statusCode, body })).toEqual([]);
    return { status: response.statusCode, body };
  }

  const job = { model: 'adder', input: { key: 'data/rows.jsonl' } };

  async function create(): Promise<string> {
    const { body } = await call('POST /v2/jobs', '', { body: job });
    return String(body['id']);
  }

  /** The state of a job, by itself and in the list, both as the document has them. */
  async function stateOf(jobId: string): Promise<unknown> {
    const { body } = await call('GET /v2/jobs/{job}', jobId);
    const list = await call('GET /v2/jobs', '');
    const jobs = list.body['jobs'] as readonly Record<string, unknown>[];
    expect(jobs.find(({ id }) => id === jobId)?.['state']).toBe(body['state']);
    return body['state'];
  }

  it('is what the document says, in every state', async () => {
    const jobId = await create();
    expect(await stateOf(jobId)).toBe('running');
    expect(await call('POST /v2/jobs/{job}/cancel', jobId)).toMatchObject({ status: 202 });
    expect(await stateOf(jobId)).toBe('cancelled');
    expect(await call('POST /v2/jobs/{job}/redrive', jobId)).toMatchObject({ status: 202 });
    await simulation.drain();
    expect(await stateOf(jobId)).toBe('completed');
    for (const change of ['cancel', 'redrive']) {
      expect(await call(`POST /v2/jobs/{job}/${change}`, jobId)).toMatchObject({ status: 409 });
    }
    const broken = await create();
    simulation.breakReads(new Set([0]));
    await simulation.drain();
    expect(await stateOf(broken)).toBe('failed');
    const { body } = await call('GET /v2/jobs/{job}', broken);
    expect(body['failed_shards']).toHaveLength(1);
    const states: Record<JobState, true> = {
      planning: true,
      running: true,
      completed: true,
      failed: true,
      cancelled: true,
    };
    expect(jobSchemas['JobState']?.['enum']).toEqual(Object.keys(states));
  });

  it('is what the document says of failed records, and of pages', async () => {
    const jobId = await create();
    await create();
    await simulation.drain();
    const { body } = await call('GET /v2/jobs/{job}/errors', jobId, { query: '?limit=1' });
    expect(body).toMatchObject({ errors: [{ number: 2 }], next: expect.any(String) as unknown });
    const page = await call('GET /v2/jobs', '', { query: '?limit=1' });
    expect(page.body).toMatchObject({ jobs: [{}], next: expect.any(String) as unknown });
  });

  it('is what the document says of a request that is answered later', async () => {
    const infer = async (data: unknown) => {
      const inputs = [{ name: 'x', shape: [1, 2], datatype: 'FP32', data }];
      const path = '/v2/models/adder/infer';
      const response = await inferLater(
        context,
        { model: 'adder', version: undefined },
        requestOf('POST', path, JSON.stringify({ inputs })),
      );
      const answer = { status: response.statusCode, body: bodyOf(response) };
      expect(undocumented(document, 'POST /v2/models/{model}/infer', answer)).toEqual([]);
      return String(answer.body['id']);
    };
    const jobId = await infer([1, 2]);
    const result = (id: string) => call('GET /v2/jobs/{job}/result', id);
    expect(await result(jobId)).toMatchObject({ status: 202 });
    const wrong = await infer([1, 'x']);
    await simulation.drain();
    expect(await result(jobId)).toMatchObject({ status: 200 });
    expect(await result(wrong)).toMatchObject({ status: 400 });
    expect(await result(await create())).toMatchObject({ status: 409 });
  });

  it('is what the document says of what is refused', async () => {
    const none = 'adder.rows.0123456789abcdef';
    for (const { route } of operationsOf(document).filter(({ path }) => path.includes('{job}'))) {
      expect(await call(route, none), route).toMatchObject({ status: 404 });
    }
    expect(await call('POST /v2/jobs', '', { body: {} })).toMatchObject({ status: 400 });
    expect(await call('POST /v2/jobs', '', { body: { ...job, model: 'none' } })).toMatchObject({
      status: 404,
    });
  });

  it('keeps to the bounds of pages that the document tells', async () => {
    const jobId = await create();
    const limits = operationsOf(document).flatMap(({ route, parameters }) =>
      parameters.flatMap(({ name, schema }) =>
        name === 'limit' && isObject(schema) ? [{ route, maximum: Number(schema['maximum']) }] : [],
      ),
    );
    expect(limits).toHaveLength(2);
    for (const { route, maximum } of limits) {
      const ask = (limit: number) => call(route, jobId, { query: `?limit=${limit}` });
      expect(await ask(maximum)).toMatchObject({ status: 200 });
      expect(await ask(maximum + 1)).toMatchObject({ status: 400 });
      expect(await ask(0)).toMatchObject({ status: 400 });
    }
    for (let count = 0; count < 20; count++) await create();
    const { body } = await call('GET /v2/jobs', '');
    expect(body['jobs']).toHaveLength(20);
  });
});
