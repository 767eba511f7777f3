import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { moveAlias } from '../../cli/alias.ts';
import { addConstant } from '../support/onnx-model.ts';
import { SeededRandom } from '../support/random.ts';
import { jsonOf, type Serving, startServing } from '../support/serving.ts';

let serving: Serving;

beforeEach(async () => {
  serving = await startServing();
});
afterEach(() => serving.close());

const model = (constant: number) => addConstant('FP32', [-1], constant);

interface Answer {
  readonly version: string;
  readonly constant: number;
}

/** One call with a few rows. @throws Error when it fails, or when its rows are not of one model */
async function call(path: string, rows: number): Promise<Answer> {
  const data = Array.from({ length: rows }, (_, row) => row);
  const response = await serving.call('POST', `/v2/models/${path}/infer`, {
    body: { inputs: [{ name: 'x', datatype: 'FP32', shape: [rows], data }] },
  });
  const document = Object(jsonOf(response));
  if (response.statusCode !== 200) throw new Error(`${response.statusCode} ${document.error}`);
  const sums: number[] = document.outputs[0].data;
  const [constant = Number.NaN] = sums;
  expect(sums).toEqual(data.map((value) => value + constant));
  return { version: document.model_version, constant };
}

/** Calls without pause from several sides until `work` is done. @returns every answer, in the order of their calls' ends */
async function callWhile(path: string, work: () => Promise<void>): Promise<Answer[]> {
  const random = new SeededRandom(1);
  const answers: Answer[] = [];
  let done = false;
  const caller = async () => {
    while (!done) {
      answers.push(await call(path, random.integer(1, 4)));
      // A caller that never gives way would starve the publisher: it is of the same process here.
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const callers = Array.from({ length: 6 }, caller);
  try {
    await work();
  } finally {
    done = true;
    await Promise.all(callers);
  }
  return answers;
}

it('no call fails, and none is answered by two models, while versions are published one after the other', async () => {
  await serving.put('live/1/model.onnx', model(1));
  const answers = await callWhile('live', async () => {
    for (let version = 2; version <= 12; version++) {
      await serving.put(`live/${version}/model.onnx`, model(version));
      await serving.models.refresh('live');
      expect((await call('live', 1)).constant).toBe(version);
    }
  });
  for (const { version, constant } of answers) expect(version).toBe(`${constant}`);
  expect(new Set(answers.map(({ constant }) => constant)).size).toBeGreaterThan(5);
});

it('no call fails while the bytes of a version are replaced, and what was replaced is released', async () => {
  await serving.put('over/1/model.onnx', model(1));
  await call('over', 1);
  const answers = await callWhile('over', async () => {
    for (let constant = 2; constant <= 12; constant++) {
      await serving.put('over/1/model.onnx', model(constant));
      await serving.models.refresh('over');
      expect((await call('over', 1)).constant).toBe(constant);
    }
  });
  for (const { version, constant } of answers) {
    expect(version).toBe('1');
    expect(constant).toBeGreaterThanOrEqual(1);
    expect(constant).toBeLessThanOrEqual(12);
  }
  const count = (event: string) => serving.events.filter((each) => each === event).length;
  expect(count('loaded over 1') - count('released over 1')).toBe(1);
});

it('an environment that has served nothing yet gets whole models while their bytes are replaced', async () => {
  await serving.put('cold/1/model.onnx', model(0));
  let done = false;
  const publishing = (async () => {
    for (let constant = 1; constant <= 12; constant++) {
      await serving.put('cold/1/model.onnx', model(constant));
      await serving.put('cold/config.json', JSON.stringify({ maxBatchSize: constant }));
      // Longer than a load takes: one that was overtaken is begun again, and not overtaken each time.
      await sleep(150);
    }
    done = true;
  })();
  while (!done) {
    serving.models.unload('cold');
    const { constant } = await call('cold', 2);
    expect(Number.isInteger(constant)).toBe(true);
  }
  await publishing;
});

it('no call fails while aliases, policies, threads and shares change and some are refused', async () => {
  for (const version of [1, 2, 3]) await serving.put(`moved/${version}/model.onnx`, model(version));
  const random = new SeededRandom(2);
  const configure = (document: unknown) =>
    serving.put(
      'moved/config.json',
      JSON.stringify({ aliases: { stable: '1' }, ...Object(document) }),
    );
  await configure({});
  const answers = await callWhile('moved/versions/stable', async () => {
    for (let step = 0; step < 30; step++) {
      const version = `${random.integer(1, 3)}`;
      await random.pick([
        () => configure({ intraOpThreads: random.integer(1, 2) }),
        () => configure({ traffic: { '1': 1, '2': 1 } }),
        () => configure({ versionPolicy: { specific: { versions: ['1', '2', '3'] } } }),
        () => configure({ warmUp: [{ inputs: { x: { shape: [random.integer(1, 3)] } } }] }),
        () => configure({ warmUp: [{ inputs: { x: { shape: [1, 2, 3] } } }] }),
        () => serving.put('moved/config.json', '{ "half a document'),
        () =>
          configure({}).then(async () => {
            await moveAlias(serving.client, {
              bucket: 'models',
              model: 'moved',
              alias: 'stable',
              version,
            });
          }),
      ])();
      await serving.models.refresh('moved');
      await call('moved/versions/stable', 1);
    }
  });
  for (const { version, constant } of answers) expect(version).toBe(`${constant}`);
  expect(serving.events).toContain('stale moved');
});

it('a call in flight keeps its version when that is taken away, unloaded and replaced', async () => {
  await serving.put('held/1/model.onnx', model(1));
  const lease = await serving.models.acquire({ model: 'held', version: undefined });
  await serving.put('held/1/model.onnx', model(2));
  await serving.models.refresh('held');
  expect((await call('held', 1)).constant).toBe(2);
  serving.models.unload('held');
  const input = { name: 'x', datatype: 'FP32', shape: [1], data: Float32Array.of(0) } as const;
  const [output] = await lease.session.run([input], ['y']);
  expect(output?.data).toEqual(Float32Array.of(1));
  expect(serving.events.filter((event) => event === 'released held 1')).toHaveLength(1);
  lease.release();
  expect(serving.events.filter((event) => event === 'released held 1')).toHaveLength(2);
  await expect(lease.session.run([input], ['y'])).rejects.toThrow();
});

it('an explicit load waits for the new version, and tells when it is broken, while the old one serves on', async () => {
  await serving.put('asked/1/model.onnx', model(1));
  await call('asked', 1);
  await serving.put('asked/2/model.onnx', 'no model');
  const refused = await serving.call('POST', '/v2/repository/models/asked/load');
  expect(refused.statusCode).toBe(503);
  expect(Object(jsonOf(refused)).error).toContain(
    'model asked version 2: ONNX Runtime cannot load',
  );
  expect((await call('asked', 1)).constant).toBe(1);
  await serving.put('asked/2/model.onnx', model(2));
  const loaded = await serving.call('POST', '/v2/repository/models/asked/load');
  expect(loaded.statusCode).toBe(200);
  expect((await call('asked', 1)).constant).toBe(2);
});

it('a call does not wait for a new version that takes long to arrive', async () => {
  await serving.put('slow/1/model.onnx', model(1));
  await call('slow', 1);
  await serving.put('slow/2/model.onnx', model(2));
  await serving.put('slow/2/padding', new Uint8Array(1024 * 1024));
  serving.s3.setFaults({ slowBodyMs: 1_000, decide: () => 'slowBody' });
  await serving.models.refresh('slow');
  const startMs = Date.now();
  const answers = await Promise.all([call('slow', 1), call('slow', 1)]);
  expect(answers.map(({ constant }) => constant)).toEqual([1, 1]);
  expect(Date.now() - startMs).toBeLessThan(3_500);
  let { constant } = await call('slow', 1);
  for (let more = 0; more < 5 && constant !== 2; more++) ({ constant } = await call('slow', 1));
  expect(constant).toBe(2);
  expect(serving.events).toEqual(['loaded slow 1', 'loaded slow 2']);
});
