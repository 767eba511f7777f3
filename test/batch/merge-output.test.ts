import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { createTableFiles } from '../../src/adapters/parquet/table-files.ts';
import { jobSchema } from '../../src/batch/job.ts';
import { mergeOutput } from '../../src/batch/merge-output.ts';
import { listAll } from '../../src/batch/object-store.ts';
import { jobKeys } from '../../src/contract/job-keys.ts';
import { MemoryObjectStore } from '../support/memory-object-store.ts';

const jobId = 'model.input.0123456789abcdef';
const keys = jobKeys(jobId);
const job = v.parse(jobSchema, {
  jobId,
  createdAtMs: 0,
  model: { model: 'model', version: '1', fingerprint: 'f' },
  source: 'data/input.jsonl',
  input: { kind: 'objects', objects: [{ key: 'data/input.jsonl', etag: '"1"', sizeBytes: 10 }] },
  output: { format: 'jsonl', merge: true, joinInput: false },
  shardBytes: 10,
  shardRecords: 10,
});

async function storeParts(results: MemoryObjectStore, count: number) {
  const parts = [];
  for (let shard = 0; shard < count; shard++) {
    const line = `${shard}\n`;
    await results.put(keys.output(shard, count, 'jsonl'), line);
    const figures = {
      records: 1,
      failed: 0,
      numbers: 1,
      outputBytes: line.length,
      outputCrc32: '00000000',
      errorsBytes: 0,
      workMs: 1,
      runMs: 1,
    };
    parts.push({ shard, figures });
  }
  return parts;
}

async function keysUnder(results: MemoryObjectStore, prefix: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { key } of listAll(results, prefix)) found.push(key);
  return found;
}

describe('merged output', () => {
  it.each([
    { count: 1_000, groups: 0 },
    { count: 2_300, groups: 3 },
  ])(
    'of $count parts is all of them in order, by way of $groups groups',
    async ({ count, groups }) => {
      const results = new MemoryObjectStore();
      const parts = await storeParts(results, count);
      const context = { results, tables: createTableFiles() };
      const bytes = await mergeOutput(context, keys, job, parts);
      const merged = await results.get(keys.mergedOutput('jsonl'));
      const expected = parts.map(({ shard }) => `${shard}\n`).join('');
      expect(Buffer.from(merged?.body ?? []).toString()).toBe(expected);
      expect(bytes).toBe(expected.length);
      const work = keys.mergedGroup(0).replace(/\d+$/, '');
      expect(await keysUnder(results, work)).toHaveLength(groups);
    },
  );

  it('goes on from the groups that an attempt before it merged', async () => {
    const results = new MemoryObjectStore();
    const parts = await storeParts(results, 1_500);
    await results.put(keys.mergedGroup(0), 'merged before\n');
    await mergeOutput({ results, tables: createTableFiles() }, keys, job, parts);
    const merged = await results.get(keys.mergedOutput('jsonl'));
    const lines = Buffer.from(merged?.body ?? [])
      .toString()
      .split('\n');
    expect(lines.slice(0, 2)).toEqual(['merged before', '1000']);
  });
});
