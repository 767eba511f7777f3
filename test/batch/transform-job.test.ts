import { setTimeout as sleep } from 'node:timers/promises';
import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import * as v from 'valibot';
import { afterEach, describe, expect, it } from 'vitest';
import { listAll, type ObjectStore } from '../../src/batch/object-store.ts';
import { jobsResultPrefix } from '../../src/contract/keys.ts';
import { addConstant, identityModel, intDivModel, loopModel } from '../support/onnx-model.ts';
import { type Laptop, startLaptop } from './laptop.ts';
import { Workers } from './workers.ts';

/** An upload of JSON lines through S3, SQS and the two handlers, each over the wire and in processes of their own. */
describe('an upload of JSON lines', () => {
  let laptop: Laptop | undefined;
  let workers: Workers | undefined;

  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') console.error(workers?.errors.slice(-4_000));
    await workers?.stop();
    await laptop?.close();
    workers = undefined;
    laptop = undefined;
  });

  const request = (id: string, values: readonly number[]) =>
    JSON.stringify({
      id,
      inputs: [{ name: 'x', shape: [1, values.length], datatype: 'FP32', data: values }],
    });

  it('becomes predictions in order, failed records by name, and a manifest last', async () => {
    laptop = await startLaptop();
    workers = new Workers(laptop.environment);
    await laptop.models.put('adder/1/model.onnx', addConstant('FP32', [-1, 2], 10));
    const lines = [
      request('a', [1, 2]),
      '{"inputs": nonsense',
      request('b', [3, 4]),
      '',
      request('c', [5, 6, 7]),
      request('d', [8, 9]),
    ];
    await laptop.jobs.put('in/adder/some words + more.jsonl', lines.join('\r\n'));

    const folder = await waitForManifest(laptop.results);
    const output = await readLines(laptop.results, `${folder}output/part-00000-of-00001.jsonl`);
    expect(output).toEqual(
      [
        ['a', [11, 12]],
        ['b', [13, 14]],
        ['d', [18, 19]],
      ].map(([id, data]) => ({
        model_name: 'adder',
        model_version: '1',
        id,
        outputs: [{ name: 'y', datatype: 'FP32', shape: [1, 2], data }],
      })),
    );
    const errors = await readLines(laptop.results, `${folder}errors/part-00000-of-00001.jsonl`);
    expect(errors).toEqual([
      expect.objectContaining({ number: 2, code: 'INVALID_REQUEST' }),
      expect.objectContaining({
        number: 5,
        id: 'c',
        reason: expect.stringContaining('inputs[0].shape[1]') as unknown,
      }),
    ]);
    expect(await readLines(laptop.results, `${folder}errors.jsonl`)).toEqual(errors);
    const manifest = await laptop.results.get(`${folder}manifest.json`);
    expect(JSON.parse(Buffer.from(manifest?.body ?? []).toString())).toMatchObject({
      jobId: folder.slice(jobsResultPrefix.length, -1),
      model: { model: 'adder', version: '1' },
      source: 'in/adder/some words + more.jsonl',
      records: 5,
      succeeded: 3,
      failed: 2,
    });
    // An empty line is no record, and is counted.
    expect(folder).toMatch(/^jobs\/adder\.some-words-more\.[0-9a-f]{16}\/$/);
  });

  it('survives a record that kills the process: it costs itself alone', async () => {
    laptop = await startLaptop();
    workers = new Workers(laptop.environment);
    await laptop.models.put('divider/1/model.onnx', intDivModel('INT64'));
    const minimum = '-9223372036854775808';
    const divide = (a: number | string, b: number) =>
      JSON.stringify({
        id: `${a}/${b}`,
        inputs: [
          { name: 'a', shape: [1], datatype: 'INT64', data: [a] },
          { name: 'b', shape: [1], datatype: 'INT64', data: [b] },
        ],
      });
    const lines = Array.from({ length: 300 }, (_, index) => divide(index, 3));
    lines[123] = divide(minimum, -1);
    await laptop.jobs.put('in/divider/poison.jsonl', lines.join('\n'));

    const folder = await waitForManifest(laptop.results);
    expect(workers.deaths).toBeGreaterThanOrEqual(4);
    const output = await readLines(laptop.results, `${folder}output/part-00000-of-00001.jsonl`);
    expect(output.map((line) => v.parse(responseSchema, line))).toEqual(
      lines.flatMap((_, index) =>
        index === 123 ? [] : { id: `${index}/3`, outputs: [{ data: [Math.trunc(index / 3)] }] },
      ),
    );
    expect(await readLines(laptop.results, `${folder}errors.jsonl`)).toEqual([
      expect.objectContaining({
        number: 124,
        id: `${minimum}/-1`,
        reason: expect.stringContaining('the process crashed') as unknown,
      }),
    ]);
  }, 60_000);

  it('survives a record that never ends: the invocation runs out of time, and it costs itself alone', async () => {
    laptop = await startLaptop();
    workers = new Workers({ ...laptop.environment, WORKER_KILL_MS: '2500' });
    await laptop.models.put('looper/1/model.onnx', loopModel());
    const loop = (turns: number) =>
      JSON.stringify({
        id: `${turns}`,
        inputs: [{ name: 'n', shape: [1], datatype: 'INT64', data: [turns] }],
      });
    const lines = Array.from({ length: 12 }, (_, index) => loop(index));
    lines[7] = loop(10 ** 15);
    await laptop.jobs.put('data/loops.jsonl', lines.join('\n'));
    await laptop.jobs.put(
      'in/looper.job.json',
      JSON.stringify({ model: 'looper', input: { key: 'data/loops.jsonl' }, rowsPerRun: 4 }),
    );
    const folder = await waitForManifest(laptop.results, 100_000);
    const output = await readLines(laptop.results, `${folder}output/part-00000-of-00001.jsonl`);
    expect(output).toHaveLength(11);
    expect(await readLines(laptop.results, `${folder}errors.jsonl`)).toEqual([
      expect.objectContaining({ number: 8, id: `${10 ** 15}` }),
    ]);
  }, 120_000);

  it('finishes when its worker is killed in the middle, with no record lost or doubled', async () => {
    laptop = await startLaptop({ visibilityTimeoutSeconds: 2 });
    workers = new Workers(laptop.environment, 2);
    // From the first step of the plan to well into a shard.
    workers.killDuring([0, 3, 6, 12, 20]);
    await laptop.models.put('adder/1/model.onnx', addConstant('FP32', [-1, 2], 1));
    const count = 30_000;
    const lines = Array.from({ length: count }, (_, index) => request(`${index}`, [index, 0]));
    await laptop.jobs.put('data/many.jsonl', lines.join('\n'));
    await laptop.jobs.put(
      'in/adder/many.job.json',
      JSON.stringify({
        model: 'adder',
        input: { key: 'data/many.jsonl' },
        output: { merge: true },
        shardBytes: 100_000,
      }),
    );
    const folder = await waitForManifest(laptop.results, 60_000);
    expect(workers.deaths).toBeGreaterThan(2);
    const output = await readLines(laptop.results, `${folder}output.jsonl`);
    expect(output).toHaveLength(count);
    for (const [index, line] of output.entries()) {
      const { id, outputs } = v.parse(responseSchema, line);
      expect(id).toBe(`${index}`);
      expect(outputs[0]?.data[0]).toBe(index + 1);
    }
  }, 90_000);

  it('uploads its output while it is made when that is large: whole, in order, and with nothing left over', async () => {
    laptop = await startLaptop();
    workers = new Workers(laptop.environment);
    await laptop.models.put('echo/1/model.onnx', identityModel('BYTES', [-1]));
    const count = 320;
    const lines = Array.from({ length: count }, (_, index) =>
      index === 7 ? '{"broken' : JSON.stringify(`${index} ${'x'.repeat(64 * 1024)}`),
    );
    await laptop.jobs.put('data/long.jsonl', lines.join('\n'));
    const document = {
      model: 'echo',
      input: { key: 'data/long.jsonl' },
      shardBytes: 64 * 1024 * 1024,
    };
    await laptop.jobs.put('in/echo/long.job.json', JSON.stringify(document));
    const folder = await waitForManifest(laptop.results);
    const output = await readLines(laptop.results, `${folder}output/part-00000-of-00001.jsonl`);
    expect(
      await readLines(laptop.results, `${folder}errors/part-00000-of-00001.jsonl`),
    ).toHaveLength(1);
    const expected = lines
      .filter((_, index) => index !== 7)
      .map((line): unknown => JSON.parse(line));
    expect(output).toEqual(expected);
    const { Uploads = [] } = await laptop.s3Client.send(
      new ListMultipartUploadsCommand({ Bucket: 'results' }),
    );
    expect(Uploads).toEqual([]);
  }, 40_000);
});

const responseSchema = v.object({
  id: v.string(),
  outputs: v.array(v.object({ data: v.array(v.number()) })),
});

async function waitForManifest(results: ObjectStore, timeoutMs = 30_000): Promise<string> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    for await (const { key } of listAll(results, jobsResultPrefix)) {
      if (key.endsWith('/manifest.json')) return key.slice(0, -'manifest.json'.length);
    }
    if (Date.now() > deadline) {
      const keys = [];
      for await (const { key } of listAll(results, '')) keys.push(key);
      throw new Error(`no manifest; there are ${keys.join(', ')}`);
    }
    await sleep(50);
  }
}

async function readLines(store: ObjectStore, key: string): Promise<unknown[]> {
  const object = await store.get(key);
  if (object === undefined) throw new Error(`expected ${key}`);
  const lines = Buffer.from(object.body).toString().split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as unknown);
}
