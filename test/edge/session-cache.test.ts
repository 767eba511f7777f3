import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { addConstant, addExternal, heavyModel } from '../support/onnx-model.ts';
import {
  countRequests,
  jsonOf,
  type Serving,
  type ServingOptions,
  startServing,
} from '../support/serving.ts';

const bytesPerMiB = 1024 * 1024;
/** Of the smallest function: its budget for sessions is the least there is, 64 MiB. */
const small = { memoryBytes: 128 * bytesPerMiB };

let serving: Serving;

async function start(options: ServingOptions): Promise<void> {
  serving = await startServing(options);
}
afterEach(() => serving.close());

async function load(model: string): Promise<number> {
  return (await serving.call('GET', `/v2/models/${model}/ready`)).statusCode;
}

const inMemory = () => serving.models.inMemory().map(({ model }) => model);

describe('sessions in memory', () => {
  it('leave when others need the room: those that are used least first', async () => {
    await start(small);
    for (const name of ['much', 'a', 'b', 'c', 'd', 'e']) {
      await serving.put(`${name}/1/model.onnx`, heavyModel(12));
    }
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      for (let use = 0; use < 20; use++) await load('much');
      expect(await load(name)).toBe(200);
    }
    const released = serving.events.filter((event) => event.startsWith('released'));
    expect(released.length).toBeGreaterThanOrEqual(1);
    expect(inMemory()).toContain('much');
    expect(inMemory()).toContain('e');
  });

  it('stay while they are in use, whatever comes, and leave when that ends', async () => {
    await start(small);
    await serving.put('pinned/1/model.onnx', heavyModel(33));
    await serving.put('next/1/model.onnx', heavyModel(33));
    const lease = await serving.models.acquire({ model: 'pinned', version: undefined });
    expect(await load('next')).toBe(200);
    expect(inMemory()).toContain('pinned');
    const input = { name: 'x', datatype: 'INT64', shape: [1], data: BigInt64Array.of(9n) } as const;
    const [output] = await lease.session.run([input], ['y']);
    expect(output?.data).toEqual(new Float32Array(1024));
    lease.release();
    expect(inMemory().length).toBeLessThan(2);
  });

  it('take the room that the function’s memory leaves; a model that is larger is refused unread, and costs no other its place', async () => {
    await start(small);
    await serving.put('good/1/model.onnx', addConstant('FP32', [-1], 1));
    await serving.put('large/1/model.onnx', new Uint8Array(65 * bytesPerMiB));
    await load('good');
    const counts = countRequests(serving.s3);
    const response = await serving.call('GET', '/v2/models/large');
    expect(response.statusCode).toBe(503);
    expect(jsonOf(response)).toEqual({
      error: `model large version 1: expected files of at most ${64 * bytesPerMiB} bytes, which is what the function's memory leaves for models, got ${65 * bytesPerMiB}`,
      code: 'MODEL_UNAVAILABLE',
    });
    expect(counts.has('GetObject large/1/model.onnx')).toBe(false);
    expect(inMemory()).toEqual(['good']);
  });

  it('do not leave for a model that cannot be fetched or is none', async () => {
    await start(small);
    await serving.put('good/1/model.onnx', addConstant('FP32', [-1], 1));
    await serving.put('lost/1/model.onnx', heavyModel(45));
    await load('good');
    serving.s3.setFaults({
      decide: ({ operation }) => (operation === 'GetObject' ? 'internalError' : undefined),
    });
    expect(await load('lost')).toBe(503);
    expect(inMemory()).toEqual(['good']);
  });
});

describe('files on the temp disk', () => {
  it('outlive their session: a model that comes back is not downloaded again', async () => {
    await start({ cacheDiskBytes: 5 * bytesPerMiB });
    for (const name of ['a', 'b', 'c']) await serving.put(`${name}/1/model.onnx`, heavyModel(2));
    const counts = countRequests(serving.s3);
    const loadAnew = async (...models: string[]) => {
      for (const model of models) {
        expect(await load(model)).toBe(200);
        serving.models.unload(model);
      }
    };
    const downloads = () =>
      ['a', 'b', 'c'].map((name) => counts.get(`GetObject ${name}/1/model.onnx`) ?? 0);
    await loadAnew('a', 'b', 'a', 'b', 'a');
    expect(inMemory()).toEqual([]);
    expect(downloads()).toEqual([1, 1, 0]);
    // Two of 2 MiB fit into 5 MiB, three do not.
    await loadAnew('c', 'c');
    expect(downloads()).toEqual([1, 1, 1]);
    // One had to go. Which does, and whether it takes the other's place when it comes back, is told by how long loads took.
    await loadAnew('a', 'b');
    const downloaded = downloads().reduce((sum, count) => sum + count, 0);
    expect([4, 5]).toContain(downloaded);
  });

  it('stay while a session has mapped them; where they leave no room the least worthy idle one goes', async () => {
    const cacheDirectory = mkdtempSync(join(tmpdir(), 'pilotlight-cache-'));
    try {
      await start({ cacheDirectory, cacheDiskBytes: 5 * bytesPerMiB });
      const { model, weights } = addExternal(new Array<number>(bytesPerMiB / 2).fill(7), 'weights');
      for (const name of ['a', 'b', 'c', 'd']) {
        await serving.put(`${name}/1/weights`, weights);
        await serving.put(`${name}/1/model.onnx`, model);
      }
      const [a, b] = await Promise.all(
        ['a', 'b'].map((name) => serving.models.acquire({ model: name, version: undefined })),
      );
      // Both are in use: the third finds no room in the budget, and comes all the same.
      expect(await load('c')).toBe(200);
      expect(inMemory()).toEqual(['a', 'b', 'c']);
      expect(readdirSync(cacheDirectory)).toHaveLength(3);
      a?.release();
      expect(await load('d')).toBe(200);
      expect(inMemory()).toEqual(['b', 'd']);
      expect(readdirSync(cacheDirectory)).toHaveLength(2);
      const zeros = new Float32Array(bytesPerMiB / 2);
      const input = { name: 'x', datatype: 'FP32', shape: [1, zeros.length], data: zeros } as const;
      const [output] = (await b?.session.run([input], ['y'])) ?? [];
      expect(output?.data).toEqual(zeros.fill(7));
      b?.release();
    } finally {
      rmSync(cacheDirectory, { recursive: true });
    }
  });

  it('are removed at the start where an earlier process left them, and nobody else’s are', async () => {
    const cacheDirectory = mkdtempSync(join(tmpdir(), 'pilotlight-cache-'));
    try {
      const left = 'a'.repeat(64);
      mkdirSync(join(cacheDirectory, left));
      writeFileSync(join(cacheDirectory, left, 'model.onnx'), 'half');
      writeFileSync(join(cacheDirectory, 'thesis.txt'), 'dear to its author');
      await start({ cacheDirectory });
      expect(readdirSync(cacheDirectory)).toEqual(['thesis.txt']);
    } finally {
      rmSync(cacheDirectory, { recursive: true });
    }
  });
});

describe('a model that cannot be loaded', () => {
  it('is tried once in five seconds, however many call, and again after them', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    try {
      await start({});
      await serving.put('broken/1/model.onnx', 'no model');
      const counts = countRequests(serving.s3);
      const downloads = () => counts.get('GetObject broken/1/model.onnx') ?? 0;
      const statuses = await Promise.all(Array.from({ length: 20 }, () => load('broken')));
      expect(new Set(statuses)).toEqual(new Set([503]));
      expect(downloads()).toBe(1);
      expect(serving.events).toEqual(['failed broken 1']);
      vi.advanceTimersByTime(4_999);
      expect(await load('broken')).toBe(503);
      expect(serving.events).toEqual(['failed broken 1']);
      vi.advanceTimersByTime(1);
      expect(await load('broken')).toBe(503);
      expect(serving.events).toEqual(['failed broken 1', 'failed broken 1']);
      // Its bytes were whole: only what ONNX Runtime made of them was not.
      expect(downloads()).toBe(1);
    } finally {
      vi.useRealTimers();
    }
  });

  it('is in the index with its reason', async () => {
    await start({});
    await serving.put('broken/1/model.onnx', 'no model');
    await serving.put('good/1/model.onnx', addConstant('FP32', [-1], 1));
    await load('broken');
    const index = jsonOf(await serving.call('POST', '/v2/repository/index'));
    expect(index).toEqual([
      {
        name: 'broken',
        version: '1',
        state: 'UNAVAILABLE',
        reason: 'model broken version 1: ONNX Runtime cannot load it: Protobuf parsing failed.',
      },
      { name: 'good', version: '1', state: 'READY', reason: '' },
    ]);
    const ready = await serving.call('POST', '/v2/repository/index', { body: { ready: true } });
    expect(jsonOf(ready)).toEqual([{ name: 'good', version: '1', state: 'READY', reason: '' }]);
  });
});
