import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readJobErrors } from '../../src/batch/job-errors.ts';
import { parseJobRequest } from '../../src/batch/job-request.ts';
import { createJob, type JobsContext } from '../../src/batch/jobs.ts';
import { jobKeys } from '../../src/contract/job-keys.ts';
import { createRouter } from '../../src/edge/api/router.ts';
import { jobRoutes } from '../../src/edge/jobs/job-routes.ts';
import { inferLater } from '../../src/edge/jobs/later.ts';
import { LocalModels } from '../support/local-models.ts';
import { MemoryObjectStore } from '../support/memory-object-store.ts';
import { addConstant } from '../support/onnx-model.ts';
import { requestOf } from './api-request.ts';
import { Simulation } from './simulation.ts';

/** A bucket whose outputs may have expired. */
class ExpiringStore extends MemoryObjectStore {
  hasExpired = false;

  override async get(key: string) {
    return this.hasExpired && key.includes('/output/') ? undefined : super.get(key);
  }
}

const refusal = (message: RegExp) => ({
  code: 'INVALID_REQUEST',
  message: expect.stringMatching(message) as unknown,
});

describe('an inference that is answered later', () => {
  const models = new LocalModels();
  let results: ExpiringStore;
  let simulation: Simulation;
  let context: JobsContext;

  beforeAll(() => models.add('adder', addConstant('FP32', [-1, 2], 10)));
  beforeEach(() => {
    results = new ExpiringStore();
    simulation = new Simulation({ jobs: new MemoryObjectStore(), results, models });
    context = simulation.jobsContext();
  });
  afterAll(() => models.close());

  const accept = (body: string) =>
    inferLater(
      context,
      { model: 'adder', version: undefined },
      requestOf('POST', '/v2/models/adder/infer', body),
    );

  const call = (location: string) =>
    createRouter(jobRoutes(context))(requestOf('GET', location), {});

  /** Where the answer is, once it is there. */
  async function answered(body: string): Promise<string> {
    const { headers } = await accept(body);
    await simulation.drain();
    return headers['location'] ?? '';
  }

  async function answerAt(location: string): Promise<unknown> {
    const { statusCode, body } = await call(location);
    expect(statusCode).toBe(200);
    return JSON.parse(String(body));
  }

  const inferOf = (data: unknown) => ({
    id: 'one',
    inputs: [{ name: 'x', shape: [1, 2], datatype: 'FP32', data }],
  });
  const text = JSON.stringify(inferOf([1, 2]));
  const answer = {
    model_name: 'adder',
    model_version: '1',
    id: 'one',
    outputs: [{ name: 'y', datatype: 'FP32', shape: [1, 2], data: [11, 12] }],
  };

  it('is accepted, running, and then answered as a call is', async () => {
    const { statusCode, headers } = await accept(JSON.stringify(inferOf([1, 2]), undefined, 2));
    expect(statusCode).toBe(202);
    const location = headers['location'] ?? '';
    expect((await call(location)).statusCode).toBe(202);
    await simulation.drain();
    expect(await answerAt(location)).toEqual(answer);
  });

  it('fails as a call does', async () => {
    const location = await answered(JSON.stringify(inferOf([1, 'x'])));
    await expect(call(location)).rejects.toMatchObject(refusal(/^inputs\[0\]\.data\[1\]/));
  });

  it('is answered though its job was written when there was one route alone', async () => {
    const location = (await accept(text)).headers['location'] ?? '';
    const [, jobId = ''] = /^\/v2\/jobs\/(.+)\/result$/.exec(location) ?? [];
    const { job: key } = jobKeys(jobId);
    const written = Buffer.from((await results.get(key))?.body ?? []).toString();
    const before = written.replace(/,\s*"route": "infer"/, '');
    expect(before).not.toBe(written);
    await results.put(key, before);
    await simulation.drain();
    expect(await answerAt(location)).toEqual(answer);
  });

  it('takes its body for a request, whatever that looks like', async () => {
    expect(await answerAt(await answered(`\n ${text}\n`))).toEqual(answer);
    for (const [body, message] of [
      ['[1, 2]', /^body: expected an object/],
      ['{"id": "no inputs"}', /^inputs/],
    ] as const) {
      await expect(call(await answered(body)), body).rejects.toMatchObject(refusal(message));
    }
  });

  it('is taken for a request again by a job of the failed records of its own', async () => {
    const location = await answered('[1, 2]');
    const [, errorsOf = ''] = /^\/v2\/jobs\/(.+)\/result$/.exec(location) ?? [];
    const request = parseJobRequest({ model: 'adder', input: { errorsOf } });
    const { jobId } = await createJob(context, request);
    await simulation.drain();
    const { errors } = await readJobErrors(results, jobId, undefined, 10);
    expect(errors).toMatchObject([{ reason: expect.stringMatching(/^body: expected an object/) }]);
  });

  it('is refused at once when its body is no JSON', async () => {
    for (const body of ['', ' \n', 'text', '{"id":"a\nb"}']) {
      await expect(accept(body), JSON.stringify(body)).rejects.toMatchObject(
        refusal(/^body: expected JSON/),
      );
    }
    expect(simulation.queued).toBe(0);
  });

  it('is not found, and no empty answer, once its result has expired', async () => {
    const location = await answered(text);
    results.hasExpired = true;
    await expect(call(location)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});
