import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { measureRowsPerRun } from '../../src/batch/calibration.ts';
import type { Runnable } from '../../src/batch/run-together.ts';
import { runTogether } from '../../src/batch/run-together.ts';
import { ServingError } from '../../src/errors.ts';
import type { Session } from '../../src/models/session.ts';
import { LocalModels } from '../support/local-models.ts';
import { addConstant, denseModel, identityModel, transposeModel } from '../support/onnx-model.ts';
import { encodeModel } from '../support/onnx-protobuf.ts';

/** `y = x - mean(x over rows)`: its rows are not independent, and its metadata does not tell. */
function centringModel(): Uint8Array {
  return encodeModel({
    inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 2] }],
    outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 2] }],
    nodes: [
      {
        operator: 'ReduceMean',
        inputs: ['x'],
        outputs: ['mean'],
        attributes: { axes: [0], keepdims: 1 },
      },
      { operator: 'Sub', inputs: ['x', 'mean'], outputs: ['y'] },
    ],
  });
}

describe('rows of one run', () => {
  const models = new LocalModels();
  const now = () => performance.now();

  beforeAll(async () => {
    await models.add('adder', addConstant('FP32', [-1, 2], 1));
    await models.add('dense', denseModel([2, 512, 512, 2]));
    await models.add('centring', centringModel());
    await models.add('transpose', transposeModel(2));
    await models.add('fixed', identityModel('FP32', [1, 2]));
  });
  afterAll(async () => {
    await models.close();
  });

  async function sessionOf(model: string): Promise<Session> {
    return (await models.acquire({ model, version: undefined })).session;
  }

  const record = (...data: number[]): Runnable => ({
    inputs: [
      { name: 'x', datatype: 'FP32', shape: [data.length / 2, 2], data: Float32Array.from(data) },
    ],
    outputNames: ['y'],
  });
  const sample = Array.from({ length: 16 }, (_, index) => record(index, -index));

  it('are many where more make each cheaper, up to the limit', async () => {
    const measured = await measureRowsPerRun(await sessionOf('dense'), sample, 64, now);
    expect(measured).toBeGreaterThan(4);
    expect(measured).toBeLessThanOrEqual(64);
    expect(await measureRowsPerRun(await sessionOf('dense'), sample, 1, now)).toBe(1);
  });

  it('are one for a model that answers differently when records are put together', async () => {
    expect(await measureRowsPerRun(await sessionOf('centring'), sample, 64, now)).toBe(1);
  });

  it('are one for a model whose inputs or outputs have no rows', async () => {
    expect(await measureRowsPerRun(await sessionOf('transpose'), sample, 64, now)).toBe(1);
    expect(await measureRowsPerRun(await sessionOf('fixed'), sample, 64, now)).toBe(1);
  });

  it('are not known from records that are all alike, or from one', async () => {
    const session = await sessionOf('centring');
    const alike = [record(1, 2), record(1, 2), record(1, 2)];
    expect(await measureRowsPerRun(session, alike, 64, now)).toBeUndefined();
    expect(await measureRowsPerRun(session, [record(1, 2)], 64, now)).toBeUndefined();
    expect(await measureRowsPerRun(session, [], 64, now)).toBeUndefined();
  });

  it('run records of several sizes and shapes together, and give each its own', async () => {
    const records = [record(1, 2), record(3, 4, 5, 6), record(7, 8), record(9, 10, 11, 12)];
    for (const rowsPerRun of [1, 2, 3, 100]) {
      const outcomes = await runTogether(await sessionOf('adder'), records, { rowsPerRun });
      expect(
        outcomes.map((outcome) =>
          outcome instanceof ServingError ? outcome : Array.from(outcome[0]?.data ?? [], Number),
        ),
      ).toEqual([
        [2, 3],
        [4, 5, 6, 7],
        [8, 9],
        [10, 11, 12, 13],
      ]);
    }
  });
});
