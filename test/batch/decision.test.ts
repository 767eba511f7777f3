import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { decide, publish, readDecision } from '../../src/batch/decision.ts';
import { type Job, jobSchema } from '../../src/batch/job.ts';
import { type ShardMessage, shardMessageSchema } from '../../src/batch/shard.ts';
import { jobKeys } from '../../src/contract/job-keys.ts';
import { MemoryObjectStore } from '../support/memory-object-store.ts';

const keys = jobKeys('model.input.0123456789abcdef');
const object = { key: 'in/model/input.jsonl', etag: '"1"', sizeBytes: 10 };
const job: Job = v.parse(jobSchema, {
  jobId: 'model.input.0123456789abcdef',
  createdAtMs: 0,
  model: { model: 'model', version: '1', fingerprint: 'f' },
  source: object.key,
  input: { kind: 'objects', objects: [object] },
  output: { format: 'jsonl', merge: false, joinInput: false },
  shardBytes: 10,
  shardRecords: 10,
});
const message: ShardMessage = v.parse(shardMessageSchema, {
  jobId: job.jobId,
  shard: { index: 0, source: { kind: 'lines', format: 'jsonl', object, start: 0, end: 10 } },
  shards: 1,
  group: { index: 0, shards: 1 },
  groups: 1,
});

/** An attempt that failed to predict some records, unlike another one. */
function attempt(name: string, failed: number) {
  return {
    decision: {
      attempt: name,
      figures: {
        records: 10,
        failed,
        numbers: 10,
        outputBytes: name.length,
        outputCrc32: '00000000',
        errorsBytes: failed,
        workMs: 1,
        runMs: 1,
      },
    },
    parts: { output: [Buffer.from(name)], errors: [Buffer.from(`errors of ${name}`)] },
  };
}

describe('the decision on a shard', () => {
  it('is one of two attempts that differ, with the failed records of the same one', async () => {
    const results = new MemoryObjectStore();
    const attempts = [attempt('first', 3), attempt('second', 0), attempt('third', 5)];
    const decisions = await Promise.all(
      attempts.map(({ decision, parts }) => decide(results, keys, job, message, decision, parts)),
    );
    const [winner] = decisions;
    if (winner === undefined) throw new Error('expected a decision');
    for (const decision of decisions) {
      expect(decision).toEqual(winner);
      await publish(results, keys, message, decision);
    }
    expect(await readDecision(results, keys, job, message)).toEqual(winner);
    const text = async (key: string) =>
      Buffer.from((await results.get(key))?.body ?? []).toString();
    expect(await text(keys.output(0, 1, 'jsonl'))).toBe(winner.attempt);
    expect(await text(keys.errors(0, 1))).toBe(
      winner.figures.failed > 0 ? `errors of ${winner.attempt}` : '',
    );
    const done = await results.list(keys.doneGroup(0));
    expect(done.objects).toHaveLength(1);
  });

  it('stands, whatever an attempt that comes later has', async () => {
    const results = new MemoryObjectStore();
    const early = attempt('early', 0);
    await decide(results, keys, job, message, early.decision, early.parts);
    const late = attempt('late', 7);
    const decision = await decide(results, keys, job, message, late.decision, late.parts);
    expect(decision).toEqual(early.decision);
    await publish(results, keys, message, decision);
    expect(await results.head(keys.errors(0, 1))).toBeUndefined();
  });
});
