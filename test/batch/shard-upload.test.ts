import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planJob } from '../../src/batch/plan-job.ts';
import type { TransformContext } from '../../src/batch/ports.ts';
import type { ShardMessage } from '../../src/batch/shard.ts';
import { submitUpload } from '../../src/batch/submit.ts';
import { transformShard } from '../../src/batch/transform-shard.ts';
import { jobKeys } from '../../src/contract/job-keys.ts';
import type { ModelProvider } from '../../src/models/provider.ts';
import type { Session } from '../../src/models/session.ts';
import { LocalModels } from '../support/local-models.ts';
import { MemoryObjectStore } from '../support/memory-object-store.ts';
import { addConstant } from '../support/onnx-model.ts';
import { withRun } from '../support/with-run.ts';
import { Simulation } from './simulation.ts';

const rows = 400;
const handOverMs = 100;

describe('a shard whose output is uploaded while it is made', () => {
  const models = new LocalModels();
  beforeAll(() => models.add('adder', addConstant('FP32', [-1, 2], 10)));
  afterAll(() => models.close());

  /** A job of one shard, whose model takes `msOf` for each row of its runs, on a clock of its own. */
  async function plan(msOf: (row: number) => number) {
    const jobs = new MemoryObjectStore();
    const results = new CountingStore();
    const sent: ShardMessage[] = [];
    const clock = { nowMs: 0 };
    const simulation = new Simulation({
      jobs,
      results,
      models,
    });
    const context: TransformContext = {
      ...simulation.context(),
      results,
      models: slow(models, clock, msOf),
      shards: {
        send: async (messages) => {
          sent.push(...messages);
        },
      },
      nowMs: () => clock.nowMs,
      monotonicMs: () => clock.nowMs,
      limits: { segmentBytes: 1_000, partBytes: 500, handOverMs },
    };
    await jobs.put(
      'data/rows.jsonl',
      Array.from({ length: rows }, (_, row) => (row % 40 === 7 ? 'bad\n' : `[${row},2]\n`)).join(
        '',
      ),
    );
    const request = { model: 'adder', input: { key: 'data/rows.jsonl' }, rowsPerRun: 1 };
    await jobs.put('in/adder.job.json', JSON.stringify(request));
    const object = await jobs.head('in/adder.job.json');
    if (object === undefined) throw new Error('expected the request');
    const submission = await submitUpload(context, { bucket: 'jobs', object });
    if (submission.outcome !== 'job') throw new Error(`expected a job, got ${submission.outcome}`);
    const { jobId } = submission;
    await planJob(context, jobId, 0, Number.POSITIVE_INFINITY);
    const keys = jobKeys(jobId);
    const deliver = (message: ShardMessage, timeMs: number) =>
      transformShard(context, { message, receiveCount: 1, deadlineMs: clock.nowMs + timeMs });
    const output = async () =>
      Buffer.from((await results.get(keys.output(0, 1, 'jsonl')))?.body ?? []).toString();
    return { sent, uploads: results.uploads, results, keys, deliver, output };
  }

  const expected = Array.from({ length: rows }, (_, row) =>
    row % 40 === 7 ? '' : `[${row + 10},12]\n`,
  ).join('');
  const take = (sent: ShardMessage[]): ShardMessage => {
    const message = sent.shift();
    if (message === undefined) throw new Error('expected a message');
    return message;
  };

  it('keeps no segments where there is time for all of it', async () => {
    const { sent, deliver, output, uploads, results, keys } = await plan(() => 10);
    expect(await deliver(take(sent), 100_000)).toBe('done');
    expect(await output()).toBe(expected);
    expect(uploads.ended).toBe(uploads.begun);
    expect(results.keys().filter((key) => key.startsWith(keys.segments(0)))).toEqual([]);
  });

  it('loses the work of one attempt, and no more, when its rest is far slower than its beginning', async () => {
    const { sent, deliver, output, uploads, results, keys } = await plan((row) =>
      row < 100 ? 1 : 100,
    );
    expect(await deliver(take(sent), 5_000)).toBe('continued');
    expect(uploads.ended, 'nothing is left open').toBe(uploads.begun);
    expect(uploads.begun).toBeGreaterThan(0);
    expect(await output()).toBe('');
    expect(results.keys().filter((key) => key.startsWith(keys.segments(0)))).toEqual([]);
    // From now on each attempt keeps what it has done, though none has the time for all of it.
    let attempts = 0;
    for (; sent.length > 0; attempts++) {
      const message = take(sent);
      expect(message.continued).toBe(attempts + 1);
      const outcome = await deliver(message, 5_000);
      expect(outcome).toBe(sent.length > 0 ? 'continued' : 'done');
      expect(attempts).toBeLessThan(20);
    }
    expect(attempts).toBeGreaterThan(2);
    expect(await output()).toBe(expected);
  });

  it('is decided once when two deliveries of it run at the same time, with the figures of the one that decided', async () => {
    const { sent, deliver, output, uploads, results, keys } = await plan(() => 10);
    const message = take(sent);
    const outcomes = await Promise.all([deliver(message, 100_000), deliver(message, 100_000)]);
    expect(outcomes).toEqual(['done', 'done']);
    expect(uploads.ended).toBe(uploads.begun);
    expect(await output()).toBe(expected);
    const done = await results.list(keys.doneGroup(0));
    expect(done.objects).toHaveLength(1);
    const head = await results.head(keys.output(0, 1, 'jsonl'));
    const figures = await results.get(keys.figures(0, head?.metadata['attempt'] ?? ''));
    expect(done.objects[0]?.key).toContain(Buffer.from(figures?.body ?? []).toString());
  });
});

/** A store that counts how many objects were begun in pieces, and how many came to an end, good or bad. */
class CountingStore extends MemoryObjectStore {
  readonly uploads = { begun: 0, ended: 0 };

  override async assemble(...args: Parameters<MemoryObjectStore['assemble']>) {
    this.uploads.begun += 1;
    try {
      return await super.assemble(...args);
    } finally {
      this.uploads.ended += 1;
    }
  }
}

/** Models whose runs take time of a clock, by how many rows ran before. */
function slow(
  models: ModelProvider,
  clock: { nowMs: number },
  msOf: (row: number) => number,
): ModelProvider {
  return {
    resolve: (reference) => models.resolve(reference),
    describe: (model) => models.describe(model),
    acquire: async (reference) => {
      const lease = await models.acquire(reference);
      const { session } = lease;
      let row = 0;
      const run: Session['run'] = (feeds, names) => {
        for (let left = feeds[0]?.shape[0] ?? 1; left > 0; left--) clock.nowMs += msOf(row++);
        return session.run(feeds, names);
      };
      return { ...lease, session: withRun(session, run) };
    },
  };
}
