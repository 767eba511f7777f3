import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BodyMemory } from '../../src/edge/api/body-memory.ts';
import { toGatewayResult, toHttpRequest } from '../../src/edge/api/gateway.ts';
import { gatewayEvent } from '../support/gateway-event.ts';
import { addConstant, identityModel } from '../support/onnx-model.ts';
import { SeededRandom } from '../support/random.ts';
import { jsonOf, type Serving, startServing } from '../support/serving.ts';

const columns = 500;

function bodyOf(rows: number, first: number): { bytes: Buffer; headers: Record<string, string> } {
  const data = Float32Array.from({ length: rows * columns }, (_, index) => first + index);
  const json = JSON.stringify({
    inputs: [
      {
        name: 'x',
        datatype: 'FP32',
        shape: [rows, columns],
        parameters: { binary_data_size: data.byteLength },
      },
    ],
    parameters: { binary_data_output: true },
  });
  return {
    bytes: Buffer.concat([Buffer.from(json), Buffer.from(data.buffer)]),
    headers: { 'inference-header-content-length': `${json.length}` },
  };
}

describe('memory of bodies that is used again', () => {
  let serving: Serving;
  let memory: BodyMemory;

  beforeEach(async () => {
    serving = await startServing();
    await serving.put('echo/1/model.onnx', identityModel('FP32', [-1, columns]));
    await serving.put('adder/1/model.onnx', addConstant('FP32', [-1, columns], 1));
    memory = new BodyMemory();
  });
  afterEach(() => serving.close());

  const requestFor = (model: string, rows: number, first: number, remainingMs = 20_000) => {
    const { bytes, headers } = bodyOf(rows, first);
    const event = gatewayEvent(`/v2/models/${model}/infer`, bytes, headers);
    const request = toHttpRequest(event, undefined, remainingMs, memory);
    if (typeof request.body === 'string') throw new Error('expected bytes');
    return { request: { ...request, body: request.body }, bytes };
  };

  /** As the function does it: what a caller gets is text, whatever becomes of memory then. */
  async function call(model: string, rows: number, first: number) {
    return toGatewayResult(await serving.api(requestFor(model, rows, first).request));
  }

  /** What an answer says, looked at only when later calls have had their turn with the memory. */
  function valuesOf({ statusCode, headers, body }: Awaited<ReturnType<typeof call>>): Float32Array {
    expect(statusCode).toBe(200);
    const bytes = Buffer.from(body ?? '', 'base64');
    const start = Number(headers?.['inference-header-content-length']);
    return new Float32Array(Uint8Array.from(bytes.subarray(start)).buffer);
  }

  const expected = (model: string, rows: number, first: number) =>
    Float32Array.from(
      { length: rows * columns },
      (_, index) => first + index + (model === 'adder' ? 1 : 0),
    );

  /** So many at a time: a call arrives whenever one is answered, at whatever the others are. */
  async function execute(calls: readonly (readonly [string, number, number])[], lanes: number) {
    const arriving = calls.entries();
    const results = new Map<number, Awaited<ReturnType<typeof call>>>();
    const lane = async () => {
      for (const [index, one] of arriving) results.set(index, await call(...one));
    };
    await Promise.all(Array.from({ length: lanes }, lane));
    for (const [index, one] of calls.entries()) {
      const result = results.get(index);
      if (result === undefined) throw new Error(`expected an answer to call ${index}`);
      expect(valuesOf(result)).toEqual(expected(...one));
    }
  }

  const randomCalls = (count: number) => {
    const random = new SeededRandom(7);
    return Array.from(
      { length: count },
      (_, index) =>
        [random.pick(['echo', 'adder']), random.integer(1, 12), (index % 64) * 200_000] as const,
    );
  };

  it('gives each of calls that follow each other its own answer', () =>
    execute(randomCalls(60), 1));

  it('gives each of calls that run together, and share runs, its own answer', async () => {
    await execute(randomCalls(240), 12);
    const stats = jsonOf(await serving.call('GET', '/v2/models/adder/stats'));
    const { model_stats: all } = stats as {
      model_stats: { inference_count: number; execution_count: number }[];
    };
    const [
      { inference_count: rows, execution_count: runs } = { inference_count: 0, execution_count: 0 },
    ] = all;
    expect(runs).toBeGreaterThan(0);
    expect(runs).toBeLessThan(rows / 2);
  });

  it('is the same from call to call, as large as the largest', async () => {
    const bufferOf = async (rows: number) => {
      const { request } = requestFor('echo', rows, 1);
      expect((await serving.api(request)).statusCode).toBe(200);
      return request.body.buffer;
    };
    const small = await bufferOf(1);
    expect(await bufferOf(1)).toBe(small);
    const large = await bufferOf(20);
    expect(large).not.toBe(small);
    expect(await bufferOf(1)).toBe(large);
    expect(await bufferOf(20)).toBe(large);
  });

  it('belongs to a call whose work goes on behind its 504', async () => {
    const release = Promise.withResolvers<void>();
    const { acquire } = serving.models;
    const holding = vi
      .spyOn(serving.models, 'acquire')
      .mockImplementationOnce(async (reference) => {
        await release.promise;
        return acquire.call(serving.models, reference);
      });
    const { request, bytes } = requestFor('echo', 4, 1_000, 550);
    const releaseBody = vi.fn(request.releaseBody);
    expect((await serving.api({ ...request, releaseBody })).statusCode).toBe(504);
    expect(holding).toHaveBeenCalledOnce();

    const others = await Promise.all([call('adder', 4, 7), call('echo', 4, 9)]);
    expect(others.map(({ statusCode }) => statusCode)).toEqual([200, 200]);
    expect(Buffer.compare(request.body, bytes)).toBe(0);
    expect(releaseBody).not.toHaveBeenCalled();
    release.resolve();
    await vi.waitFor(() => expect(releaseBody).toHaveBeenCalledOnce());
    expect(Buffer.compare(request.body, bytes)).toBe(0);
  });

  it('is not taken back from calls that fail, or are answered later', async () => {
    const { request: failing } = requestFor('echo', 1, 1);
    const wrong = { ...failing, path: '/v2/models/echo/versions/9/infer' };
    expect((await serving.api(wrong)).statusCode).toBe(404);
    const { request: later } = requestFor('echo', 1, 2);
    expect(later.body.buffer).not.toBe(failing.body.buffer);
    const asked = { ...later, headers: { ...later.headers, prefer: 'respond-async' } };
    expect((await serving.api(asked)).statusCode).toBe(202);
    const { request: next } = requestFor('echo', 1, 3);
    expect(next.body.buffer).not.toBe(later.body.buffer);
  });

  it('is not kept beyond 8 MiB', () => {
    const large = memory.take(8 * 1024 * 1024 + 1);
    memory.giveBack(large);
    expect(memory.take(1)).not.toBe(large);
  });
});
