import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requestsPerGroup, requestsPerJob, requestsPerShard } from '../../src/batch/cost.ts';
import type { ObjectStore } from '../../src/batch/object-store.ts';
import { LocalModels } from '../support/local-models.ts';
import { MemoryObjectStore } from '../support/memory-object-store.ts';
import { addConstant } from '../support/onnx-model.ts';
import { Simulation } from './simulation.ts';

/** A bucket that counts what S3 would charge for, as its price list tells them apart. */
class CountingStore extends MemoryObjectStore {
  writes = 0;
  reads = 0;

  override put(...args: Parameters<ObjectStore['put']>) {
    this.writes += 1;
    return super.put(...args);
  }

  override list(...args: Parameters<ObjectStore['list']>) {
    this.writes += 1;
    return super.list(...args);
  }

  override get(...args: Parameters<ObjectStore['get']>) {
    this.reads += 1;
    return super.get(...args);
  }

  override head(...args: Parameters<ObjectStore['head']>) {
    this.reads += 1;
    return super.head(...args);
  }

  override read(...args: Parameters<ObjectStore['read']>) {
    this.reads += 1;
    return super.read(...args);
  }
}

/** The listing of the model, which is in another bucket, and its pace, which a job of milliseconds does not tell. */
const notHere = 2;

describe('the requests that a job is reckoned with', () => {
  const models = new LocalModels();
  beforeAll(() => models.add('adder', addConstant('FP32', [-1, 2], 10)));
  afterAll(() => models.close());

  it.each([1, 3])('are those that it makes: %i shards', async (shards) => {
    const jobs = new MemoryObjectStore();
    const results = new CountingStore();
    const lines = '[1,2]\n'.repeat(10 * shards);
    await jobs.put('data/rows.jsonl', lines);
    const cut = { shardBytes: lines.length / shards, rowsPerRun: 4 };
    const request = { model: 'adder', input: { key: 'data/rows.jsonl' }, ...cut };
    await jobs.put('in/rows.job.json', JSON.stringify(request));
    const simulation = new Simulation({ jobs, results, models });
    await simulation.upload('in/rows.job.json');
    await simulation.drain();
    expect(results.writes).toBe(
      requestsPerJob.writes - notHere + shards * requestsPerShard.writes + requestsPerGroup.writes,
    );
    expect(results.reads).toBeLessThanOrEqual(
      requestsPerJob.reads + shards * requestsPerShard.reads + requestsPerGroup.reads,
    );
  });
});
