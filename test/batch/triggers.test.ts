import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { jobKeys } from '../../src/contract/job-keys.ts';
import { MemoryObjectStore } from '../support/memory-object-store.ts';
import { addConstant } from '../support/onnx-model.ts';
import { type Serving, startServing } from '../support/serving.ts';
import { Simulation } from './simulation.ts';

/** Against a repository of models in real S3, with several versions and an alias. */
describe('an upload', () => {
  let serving: Serving;
  let jobs: MemoryObjectStore;
  let results: MemoryObjectStore;
  let simulation: Simulation;

  beforeAll(async () => {
    serving = await startServing();
    for (const version of [1, 2, 3]) {
      await serving.put(`adder/${version}/model.onnx`, addConstant('FP32', [-1, 1], version));
    }
  });
  beforeEach(async () => {
    await point('1');
    jobs = new MemoryObjectStore();
    results = new MemoryObjectStore();
    simulation = new Simulation({ jobs, results, models: serving.models });
  });
  afterAll(() => serving.close());

  async function point(version: string): Promise<void> {
    await serving.put('adder/config.json', JSON.stringify({ aliases: { stable: version } }));
    serving.models.forget('adder');
  }

  async function upload(key: string, body: string): Promise<string> {
    await jobs.put(key, body);
    const submission = await simulation.upload(key);
    if (submission.outcome === 'job') return submission.jobId;
    throw submission.outcome === 'refused' ? submission.error : new Error(submission.reason);
  }

  async function outputOf(jobId: string): Promise<string> {
    await simulation.drain();
    const { prefix } = jobKeys(jobId);
    const keys = results.keys().filter((key) => key.startsWith(`${prefix}output/`));
    const parts = await Promise.all(keys.map((key) => results.get(key)));
    return parts.map((part) => Buffer.from(part?.body ?? []).toString()).join('');
  }

  it.each([
    ['in/adder/rows.jsonl', '3', '[3]\n'],
    ['in/adder@2/a/b/rows.jsonl', '2', '[2]\n'],
    ['in/adder@stable/rows.jsonl', '1', '[1]\n'],
  ])('under %s goes to version %s', async (key, version, output) => {
    const jobId = await upload(key, '[0]\n');
    expect(await outputOf(jobId)).toBe(output);
    const manifest = Buffer.from((await results.get(jobKeys(jobId).manifest))?.body ?? []);
    expect(JSON.parse(manifest.toString())).toMatchObject({ model: { model: 'adder', version } });
  });

  it.each(['in/adder@7/rows.jsonl', 'in/adder@latest/rows.jsonl'])(
    'under %s, which the model has not, is refused',
    async (key) => {
      await expect(upload(key, '[0]\n')).rejects.toThrow('has no version or alias');
    },
  );

  it.each(['in/rows.jsonl', 'in/adder@/rows.jsonl', 'in/a@b@2/rows.jsonl', 'in/adder/'])(
    'of %s asks for no job',
    async (key) => {
      await expect(upload(key, '[0]\n')).rejects.toThrow(/expected in\/<model>|a folder/);
    },
  );

  it('keeps to the version that its alias named, though that is moved in the middle of the job', async () => {
    await jobs.put('data/rows.jsonl', '[0]\n'.repeat(8));
    const request = { model: 'adder', version: 'stable', input: { key: 'data/rows.jsonl' } };
    const jobId = await upload('in/rows.job.json', JSON.stringify({ ...request, shardBytes: 8 }));
    expect(simulation.queued).toBeGreaterThan(2);
    await point('2');
    expect(await outputOf(jobId)).toBe('[1]\n'.repeat(8));
    expect(await outputOf(await upload('in/adder@stable/next.jsonl', '[0]\n'))).toBe('[2]\n');
  });
});
