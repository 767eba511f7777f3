import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { PlanMessage } from '../../src/batch/plan-message.ts';
import type { ShardMessage } from '../../src/batch/shard.ts';
import { jobKeys } from '../../src/contract/job-keys.ts';
import { handlePlanMessage } from '../../src/edge/plan/planner.ts';
import { LocalModels } from '../support/local-models.ts';
import { MemoryObjectStore } from '../support/memory-object-store.ts';
import { addConstant } from '../support/onnx-model.ts';
import { FaultlessJobs, linesOf } from './faultless-jobs.ts';
import { Simulation } from './simulation.ts';

/** A bucket that counts the listings it gives. */
class CountingStore extends MemoryObjectStore {
  listings = 0;

  override list(...asked: Parameters<MemoryObjectStore['list']>) {
    this.listings += 1;
    return super.list(...asked);
  }
}

describe('a plan', () => {
  const models = new LocalModels();
  let jobs: MemoryObjectStore;
  let results: CountingStore;

  beforeAll(async () => {
    await models.add('adder', addConstant('FP32', [-1, 2], 10));
  });
  beforeEach(() => {
    jobs = new MemoryObjectStore();
    results = new CountingStore();
  });
  afterAll(() => models.close());

  const rows = (count: number) =>
    Array.from({ length: count }, (_, index) => `[${index},${index}]\n`).join('');

  async function notificationOf(request: object): Promise<string> {
    const key = 'in/many.job.json';
    await jobs.put(key, JSON.stringify({ model: 'adder', ...request }));
    const { etag = '', sizeBytes = 0 } = (await jobs.head(key)) ?? {};
    const object = { key, size: sizeBytes, eTag: etag.replaceAll('"', ''), sequencer: '1' };
    const record = { eventName: 'ObjectCreated:Put', s3: { bucket: { name: 'jobs' }, object } };
    return JSON.stringify({ Records: [record] });
  }

  it('that one invocation has no time for goes on in the next, each shard planned and sent once', async () => {
    const keys = Array.from({ length: 200 }, (_, index) => `data/${index}.jsonl`);
    for (const key of keys) await jobs.put(key, rows(3));
    await jobs.put('data/list.txt', keys.join('\n'));
    const simulation = new Simulation({ jobs, results, models });
    const waiting: string[] = [await notificationOf({ input: { list: 'data/list.txt' } })];
    const sent: ShardMessage[] = [];
    const plans = {
      send: async (messages: readonly PlanMessage[]) => {
        waiting.push(...messages.map((message) => JSON.stringify(message)));
      },
    };
    let invocations = 0;
    for (let body = waiting.shift(); body !== undefined; body = waiting.shift()) {
      const base = simulation.context();
      // Ten seconds are kept to write what is open, and each call takes a fiftieth of one.
      const deadlineMs = base.nowMs() + 12_000;
      const shards = {
        send: async (messages: readonly ShardMessage[]) => {
          sent.push(...messages);
          await base.shards.send(messages);
        },
      };
      await handlePlanMessage({ ...base, shards, plans, models }, body, deadlineMs);
      invocations += 1;
      expect(invocations).toBeLessThan(20);
    }
    expect(invocations).toBeGreaterThan(3);
    expect(sent.map(({ shard }) => shard.index)).toEqual([...sent.keys()]);
    expect(new Set(sent.map(({ shards }) => shards))).toEqual(new Set([sent.length]));
    await simulation.drain();
    const [jobId = ''] = simulation.completed.map((job) => job.jobId);
    expect(simulation.completed[0]).toMatchObject({ records: 600, failed: 0 });
    const outputs = results
      .keys()
      .filter((key) => key.startsWith(`${jobKeys(jobId).prefix}output`));
    expect(outputs).toHaveLength(sent.length);
  });

  it.each([10, 60])(
    'of %i shards costs a few listings a shard, whatever their number',
    async (count) => {
      await jobs.put('data/rows.jsonl', rows(count));
      const request = { model: 'adder', input: { key: 'data/rows.jsonl' }, shardRecords: 1 };
      await jobs.put('in/rows.job.json', JSON.stringify({ ...request, shardBytes: 1 }));
      const simulation = new Simulation({ jobs, results, models });
      await simulation.upload('in/rows.job.json');
      const shards = simulation.queued;
      expect(shards).toBeGreaterThanOrEqual(count);
      await simulation.drain();
      expect(simulation.completed).toMatchObject([{ records: count }]);
      expect(results.listings / shards).toBeLessThan(4);
    },
  );

  describe('of a list of keys', () => {
    const run = (list: string) => {
      const store = new FaultlessJobs(models);
      return {
        store,
        submit: async () => {
          await store.jobs.put('data/list.txt', list);
          return store.submit({ model: 'adder', input: { list: 'data/list.txt' } });
        },
      };
    };

    it('has its objects in the order of the list, one as often as it is named', async () => {
      const keys = Array.from({ length: 100 }, (_, index) => `data/${(index * 37) % 50}.jsonl`);
      const { store, submit } = run(`\uFEFF${keys.join('\r\n')}\r\n\r\n`);
      for (let index = 0; index < 50; index++) {
        await store.jobs.put(`data/${index}.jsonl`, `[${index},0]\n`);
      }
      const { parts } = await submit();
      expect(linesOf(parts.join(''))).toEqual(
        keys.map((_, index) => `[${((index * 37) % 50) + 10},10]`),
      );
    });

    it('fails the job once, with the line that names no object, or no key', async () => {
      await expect(run('data/gone.jsonl\n').submit()).rejects.toThrow(
        'data/list.txt: line 1 names an object that is not there',
      );
      const long = run(`data/a.jsonl\n${'k'.repeat(1025)}\n`);
      await long.store.jobs.put('data/a.jsonl', '[1,2]\n');
      await expect(long.submit()).rejects.toThrow(
        'data/list.txt: line 2: expected a key of at most 1024 bytes, got a longer line',
      );
    });
  });
});
