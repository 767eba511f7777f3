import { describe, expect, test } from 'vitest';
import type { PredictInput, Prediction } from '../../../src/tasks/predictor.ts';
import type { Graph } from '../../support/onnx-protobuf.ts';
import { constant, predict } from './predict.ts';

const halves = (...values: number[]) => new Float16Array(values);

describe('rows', () => {
  const rows: readonly PredictInput[] = [
    { kind: 'row', row: { size: 2, age: 0.5 } },
    { kind: 'row', row: { size: -1, age: 8 } },
  ];
  const regressor = {
    type: 'tabular-regression' as const,
    columns: [
      { name: 'size', type: 'number' as const },
      { name: 'age', type: 'number' as const },
    ],
  };
  /** 3 * size - 2 * age */
  const expected = [5, -19];

  function expectValues(answers: readonly Prediction[], tolerance: number) {
    for (const [index, answer] of answers.entries()) {
      const value = answer.type === 'values' ? answer.values : Number.NaN;
      expect(Math.abs(Number(value) - (expected[index] ?? 0))).toBeLessThanOrEqual(tolerance);
    }
    expect(answers).toHaveLength(expected.length);
  }

  test('as halves, answered in halves', async () => {
    const graph: Graph = {
      inputs: [{ name: 'x', datatype: 'FP16', shape: [-1, 2] }],
      outputs: [{ name: 'y', datatype: 'FP16', shape: [-1, 1] }],
      initializers: [constant('w', 'FP16', [2, 1], halves(3, -2))],
      nodes: [{ operator: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] }],
    };
    expectValues(await predict(graph, regressor, rows), 0);
  });

  test('to a model that is quantised while it runs', async () => {
    const graph: Graph = {
      inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 2] }],
      outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 1] }],
      initializers: [constant('w', 'INT8', [2, 1], Int8Array.of(3, -2))],
      nodes: [
        {
          operator: 'DynamicQuantizeLinear',
          inputs: ['x'],
          outputs: ['whole', 'scale', 'zero'],
        },
        { operator: 'MatMulInteger', inputs: ['whole', 'w', 'zero'], outputs: ['product'] },
        { operator: 'Cast', inputs: ['product'], outputs: ['real'], attributes: { to: 1 } },
        { operator: 'Mul', inputs: ['real', 'scale'], outputs: ['y'] },
      ],
    };
    // Nine over 255 steps: half of one, times the weights.
    expectValues(await predict(graph, regressor, rows), (9 / 255 / 2) * 5);
  });

  test('with columns that are called like what every object inherits', async () => {
    const graph: Graph = {
      inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 2] }],
      outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 1] }],
      initializers: [constant('w', 'FP32', [2, 1], Float32Array.of(3, -2))],
      nodes: [{ operator: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] }],
    };
    const columns = ['__proto__', 'constructor'].map((name) => ({ name, type: 'number' as const }));
    const task = { ...regressor, columns };
    const ask = (json: string) =>
      predict(graph, task, [{ kind: 'row', row: JSON.parse(json) as Record<string, unknown> }]);
    expect(await ask('{"__proto__":2,"constructor":0.5}')).toMatchObject([{ values: 5 }]);
    await expect(ask('{"constructor":0.5}')).rejects.toThrow(/column __proto__.*no value/);
    await expect(ask('{"__proto__":2}')).rejects.toThrow(/column constructor.*no value/);
  });
});
