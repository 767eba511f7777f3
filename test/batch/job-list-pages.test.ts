import { setImmediate } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { listJobs } from '../../src/batch/job-list.ts';
import type { ObjectStore } from '../../src/batch/object-store.ts';
import { jobKeys, jobPlace } from '../../src/contract/job-keys.ts';
import { MemoryObjectStore } from '../support/memory-object-store.ts';

/** The store as an object whose methods can be replaced. */
const storeOf = (store: ObjectStore): ObjectStore => ({
  head: (...args) => store.head(...args),
  read: (...args) => store.read(...args),
  put: (...args) => store.put(...args),
  assemble: (...args) => store.assemble(...args),
  list: (...args) => store.list(...args),
  get: (...args) => store.get(...args),
});

const newestMs = Date.UTC(2026, 0, 1);
const completed = 'completed,1,r5-f2-n5-b9-c00000000-e9-w1-m1';

/** Pages of a list whose marks are written as jobs write them, the newest first. */
describe('a page of the list of jobs', () => {
  let results: MemoryObjectStore;
  let written: number;

  beforeEach(() => {
    results = new MemoryObjectStore();
    written = 0;
  });

  /** Writes the marks of the next older job. */
  async function mark(model: string, ...marks: readonly string[]): Promise<string> {
    const jobId = `${model}.rows.${written.toString(16).padStart(16, '0')}`;
    const place = jobPlace(newestMs - written, jobId);
    written += 1;
    for (const name of marks) await results.put(`${place}${name}`, '');
    return jobId;
  }

  const done = (model: string) => mark(model, `created,${model},1,api`, completed);

  /** What was refused, and has become a job since: its mark is no job's any more. */
  async function becameAJob(model: string): Promise<void> {
    const jobId = await mark(model, `refused,${model}`);
    await results.put(jobKeys(jobId).job, '{}');
  }

  /** A job whose words are too long for a mark. */
  async function withoutWords(model: string): Promise<string> {
    const jobId = await mark(model, 'created', completed);
    const job = {
      jobId,
      createdAtMs: 0,
      model: { model, version: '1', fingerprint: 'f' },
      source: 'api',
      input: { kind: 'prefix', prefix: 'data/' },
      output: { format: 'jsonl', merge: false, joinInput: false },
      shardBytes: 1,
      shardRecords: 1,
    };
    await results.put(jobKeys(jobId).job, JSON.stringify(job));
    return jobId;
  }

  async function page(
    options: { readonly model?: string; readonly after?: string; readonly limit: number },
    store: ObjectStore = results,
  ) {
    const { model, after, limit } = options;
    const { jobs, next } = await listJobs(
      { results: store, nowMs: () => newestMs },
      { model, after, limit },
    );
    return { ids: jobs.map(({ jobId }) => jobId), next };
  }

  it('is full of one model’s jobs however many others lie between them', async () => {
    const rare: string[] = [];
    for (let index = 0; index < 6; index++) {
      for (let others = 0; others < 400; others++) await done('common');
      rare.push(await done('rare'));
    }
    const first = await page({ model: 'rare', limit: 4 });
    expect(first.ids).toEqual(rare.slice(0, 4));
    const second = await page({ model: 'rare', limit: 4, after: first.next ?? '' });
    expect(second).toEqual({ ids: rare.slice(4), next: undefined });
  });

  it('has no next one when jobs of other models alone are behind it', async () => {
    const first = await done('rare');
    for (let others = 0; others < 20; others++) await done('common');
    expect(await page({ model: 'rare', limit: 1 })).toEqual({ ids: [first], next: undefined });
  });

  it('is full when what was refused has become jobs, filtered or not', async () => {
    const jobs: string[] = [];
    for (let index = 0; index < 5; index++) {
      for (let times = 0; times < 7; times++) await becameAJob('adder');
      jobs.push(await done('adder'));
    }
    for (const model of [undefined, 'adder']) {
      const asked = model === undefined ? {} : { model };
      const first = await page({ ...asked, limit: 3 });
      expect(first.ids).toEqual(jobs.slice(0, 3));
      const rest = await page({ ...asked, limit: 3, after: first.next ?? '' });
      expect(rest).toEqual({ ids: jobs.slice(3), next: undefined });
    }
  });

  it('is full of jobs whose marks do not say their model, each looked at once', async () => {
    const own: string[] = [];
    for (let index = 0; index < 6; index++) {
      await withoutWords('other');
      own.push(await withoutWords('adder'));
    }
    const reads: string[] = [];
    const counted: ObjectStore = {
      ...storeOf(results),
      get: (key, ...args) => {
        reads.push(key);
        return results.get(key, ...args);
      },
    };
    expect(await page({ model: 'adder', limit: 100 }, counted)).toEqual({
      ids: own,
      next: undefined,
    });
    expect(reads).toHaveLength(12);
  });

  it('looks at jobs whose marks do not say their model side by side, however few it wants, and loses none', async () => {
    const own: string[] = [];
    for (let index = 0; index < 3; index++) {
      for (let others = 0; others < 20; others++) await withoutWords('other');
      own.push(await withoutWords('adder'), await withoutWords('adder'), await done('adder'));
    }
    let underWay = 0;
    let most = 0;
    const watched: ObjectStore = {
      ...storeOf(results),
      get: async (key, ...args) => {
        underWay += 1;
        most = Math.max(most, underWay);
        await setImmediate();
        underWay -= 1;
        return results.get(key, ...args);
      },
    };
    const found: string[] = [];
    let after: string | undefined;
    do {
      const { ids, next } = await page(
        { model: 'adder', limit: 1, ...(after && { after }) },
        watched,
      );
      expect(ids).toHaveLength(1);
      found.push(...ids);
      after = next;
    } while (after !== undefined);
    expect(found).toEqual(own);
    expect(most).toBe(16);
  });

  it('is short and has a next one once it has looked at a hundred jobs in vain', async () => {
    for (let others = 0; others < 250; others++) await withoutWords('other');
    const own = await done('adder');
    const sizes: number[] = [];
    const found: string[] = [];
    let after: string | undefined;
    do {
      const { ids, next } = await page({ model: 'adder', limit: 10, ...(after && { after }) });
      sizes.push(ids.length);
      found.push(...ids);
      after = next;
    } while (after !== undefined);
    expect(found).toEqual([own]);
    expect(sizes).toEqual([0, 0, 1]);
  });

  it('is empty and has a next one after ten listings without a job of its model', async () => {
    for (let others = 0; others < 5_100; others++) await done('common');
    const own = await done('rare');
    const first = await page({ model: 'rare', limit: 1 });
    expect(first.ids).toEqual([]);
    expect(await page({ model: 'rare', limit: 1, after: first.next ?? '' })).toEqual({
      ids: [own],
      next: undefined,
    });
  });
});
