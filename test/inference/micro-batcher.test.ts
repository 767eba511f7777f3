import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSessionFactory } from '../../src/adapters/onnxruntime/session-factory.ts';
import { MicroBatcher, type RunRequest } from '../../src/inference/micro-batcher.ts';
import type { Session } from '../../src/models/session.ts';
import type { Tensor } from '../../src/protocol/tensor.ts';
import { addConstant, transposeModel } from '../support/onnx-model.ts';
import { withRun } from '../support/with-run.ts';

let folder: string;
let addOne: Session;
let transpose: Session;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pilotlight-batcher-'));
  const create = (name: string, bytes: Uint8Array) => {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    return createSessionFactory().create(path, {
      intraOpThreads: 1,
      graphOptimization: 'all',
    });
  };
  addOne = await create('add.onnx', addConstant('INT64', [-1, -1], 1));
  transpose = await create('transpose.onnx', transposeModel(2));
});
afterAll(async () => {
  await addOne.release();
  await transpose.release();
  rmSync(folder, { recursive: true, force: true });
});

/** A session that counts the rows of each of its runs. */
function counted(session: Session) {
  const rowsOfRuns: number[] = [];
  const counting = withRun(session, (feeds, names) => {
    rowsOfRuns.push(feeds[0]?.shape[0] ?? 0);
    return session.run(feeds, names);
  });
  return { session: counting, rowsOfRuns };
}

function newBatcher(maxWaiting = 1_000) {
  return new MicroBatcher({ nowMs: () => performance.now(), maxWaiting });
}

/** Rows whose values say who owns them. */
function ownedRows(owner: number, rows: number, columns: number): Tensor {
  const data = BigInt64Array.from({ length: rows * columns }, (_, index) =>
    BigInt(owner * 1_000_000 + index),
  );
  return { name: 'x', datatype: 'INT64', shape: [rows, columns], data };
}

function request(session: Session, input: Tensor, maxBatchSize = 32): RunRequest {
  return { session, inputs: [input], outputNames: ['y'], maxBatchSize, deadlineMs: undefined };
}

describe('the micro-batcher', () => {
  it('returns to each of many callers the rows that are its own, whatever their shapes', async () => {
    const sizes = fc.record({
      rows: fc.integer({ min: 0, max: 6 }),
      columns: fc.integer({ min: 1, max: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(sizes, { maxLength: 40 }), async (calls) => {
        const batcher = newBatcher();
        await Promise.all(
          calls.map(async ({ rows, columns }, owner) => {
            const input = ownedRows(owner, rows, columns);
            const { outputs } = await batcher.run(request(addOne, input, 16));
            const expected = BigInt64Array.from(input.data as BigInt64Array, (value) => value + 1n);
            expect(outputs).toEqual([{ ...input, name: 'y', data: expected }]);
          }),
        );
      }),
      { numRuns: 60, seed: 7 },
    );
  });

  it('runs a lone request at once, and puts together what came while a run was busy', async () => {
    const { session, rowsOfRuns } = counted(addOne);
    const batcher = newBatcher();
    await Promise.all(
      [1, 2, 3, 4].map((owner) => batcher.run(request(session, ownedRows(owner, 2, 3)))),
    );
    // The first alone, the other three together, and once one of them alone to see that stacking is right.
    expect(rowsOfRuns).toEqual([2, 6, 2]);
    await setImmediate();
    await Promise.all(
      [1, 2, 3, 4].map((owner) => batcher.run(request(session, ownedRows(owner, 2, 3)))),
    );
    expect(rowsOfRuns.slice(3)).toEqual([2, 6]);
  });

  it('puts what arrives while a run blocks the thread into the next one, where it may turn the loop', async () => {
    const { session, rowsOfRuns } = counted(addOne);
    const input = (owner: number) => request(session, ownedRows(owner, 1, 2));
    const callsPerRun = async (turn: (() => Promise<void>) | undefined) => {
      const batcher = new MicroBatcher({ nowMs: () => performance.now(), maxWaiting: 100, turn });
      const before = rowsOfRuns.length;
      // As sockets have it: one by one, in the same turn of the event loop.
      const arrivals = [1, 2, 3, 4].map(
        (owner) =>
          new Promise((resolve) =>
            globalThis.setImmediate(() => resolve(batcher.run(input(owner)))),
          ),
      );
      await Promise.all(arrivals);
      return rowsOfRuns.slice(before);
    };
    expect(await callsPerRun(undefined)).toEqual([1, 3, 1]);
    // All four, and the trial of one alone.
    expect(await callsPerRun(() => setImmediate())).toEqual([4, 1]);
  });

  it('has one of those that share a run count it, and those that ran alone count theirs', async () => {
    const batcher = newBatcher();
    const executionsOf = async (session: Session, input: (owner: number) => Tensor) => {
      const answers = [1, 2, 3, 4].map((owner) => batcher.run(request(session, input(owner))));
      return (await Promise.all(answers)).map(({ executions }) => executions);
    };
    const rows = (owner: number) => ownedRows(owner, 2, 3);
    expect(await executionsOf(addOne, rows)).toEqual([1, 1, 0, 0]);
    const matrix = (owner: number): Tensor => ({
      ...{ name: 'x', datatype: 'FP32', shape: [2, 2] },
      data: Float32Array.of(owner, 2, 3, 4),
    });
    expect(await executionsOf(transpose, matrix)).toEqual([1, 1, 1, 1]);
  });

  it('never passes the limit of rows', async () => {
    const { session, rowsOfRuns } = counted(addOne);
    const batcher = newBatcher();
    await Promise.all(
      Array.from({ length: 20 }, (_, owner) =>
        batcher.run(request(session, ownedRows(owner, 3, 2), 7)),
      ),
    );
    expect(Math.max(...rowsOfRuns)).toBeLessThanOrEqual(7);
  });

  it('runs requests one by one when a trial shows that rows are not independent', async () => {
    const batcher = newBatcher();
    const { session, rowsOfRuns } = counted(transpose);
    const matrix = (owner: number): Tensor => ({
      name: 'x',
      datatype: 'FP32',
      shape: [2, 2],
      data: Float32Array.of(owner, owner + 0.1, owner + 0.2, owner + 0.3),
    });
    const answers = await Promise.all(
      [1, 2, 3].map((owner) => batcher.run(request(session, matrix(owner)))),
    );
    for (const [index, { outputs }] of answers.entries()) {
      const [alone] = await transpose.run([matrix(index + 1)], ['y']);
      expect(outputs[0]).toEqual(alone);
    }
    const before = rowsOfRuns.length;
    await Promise.all([1, 2, 3].map((owner) => batcher.run(request(session, matrix(owner)))));
    expect(rowsOfRuns.slice(before)).toEqual([2, 2, 2]);
  });

  it('lets a failure find its owner and no other', async () => {
    const batcher = newBatcher();
    const good = ownedRows(1, 1, 2);
    // Validation would refuse it; here it stands for values that the graph cannot take.
    const bad: Tensor = { ...ownedRows(2, 1, 2), datatype: 'FP64', data: Float64Array.of(1, 2) };
    const results = await Promise.allSettled(
      [good, bad, good].map((input) => batcher.run(request(addOne, input))),
    );
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  it('refuses what waits beyond its deadline, and what comes when too many wait', async () => {
    const batcher = newBatcher(1);
    const running = batcher.run(request(addOne, ownedRows(1, 1, 2)));
    const late = batcher.run({ ...request(addOne, ownedRows(2, 1, 2)), deadlineMs: 0 });
    expect(() => batcher.run(request(addOne, ownedRows(3, 1, 2)))).toThrow(
      'expected at most 1 requests waiting for this model, got one more',
    );
    await expect(late).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED', statusCode: 504 });
    await running;
  });
});
