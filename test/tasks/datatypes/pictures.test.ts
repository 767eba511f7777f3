import { describe, expect, test } from 'vitest';
import type { PredictInput, Prediction } from '../../../src/tasks/predictor.ts';
import type { Graph, Node } from '../../support/onnx-protobuf.ts';
import { decoders } from '../support/models.ts';
import { constant, predict } from './predict.ts';

describe('pictures', () => {
  const colours: readonly (readonly [string, readonly number[]])[] = [
    ['red', [250, 40, 10]],
    ['blue', [0, 128, 255]],
  ];
  const pictures = async (): Promise<PredictInput[]> =>
    Promise.all(
      colours.map(async ([, rgb]) => {
        const data = Uint8Array.from({ length: 12 }, (_, i) => rgb[i % 3] ?? 0);
        const image = { width: 2, height: 2, channels: 3, data } as const;
        return { kind: 'image', bytes: await decoders.images.encodePng(image) };
      }),
    );

  /** The mean of each channel, which is the score of its colour. */
  const channelMeans = (input: string, output: string): Node => ({
    operator: 'ReduceMean',
    inputs: [input],
    outputs: [output],
    attributes: { axes: [2, 3], keepdims: 0 },
  });
  const classifier = (image: object) => ({
    type: 'image-classification' as const,
    image: { resize: { mode: 'exact' as const, width: 2, height: 2 }, ...image },
    labels: ['red', 'green', 'blue'],
    activation: 'none' as const,
    topK: 3,
  });

  function expectColours(answers: readonly Prediction[], tolerance: number) {
    for (const [index, [name, rgb]] of colours.entries()) {
      const answer = answers[index];
      const labels = answer?.type === 'labels' ? answer.labels : [];
      expect(labels[0]?.label).toBe(name);
      for (const [channel, colour] of ['red', 'green', 'blue'].entries()) {
        const score = labels.find(({ label }) => label === colour)?.score ?? Number.NaN;
        expect(Math.abs(score - (rgb[channel] ?? 0) / 255)).toBeLessThan(tolerance);
      }
    }
  }

  test('as halves, answered in halves', async () => {
    const graph: Graph = {
      inputs: [{ name: 'x', datatype: 'FP16', shape: [-1, 3, 2, 2] }],
      outputs: [{ name: 'y', datatype: 'FP16', shape: [-1, 3] }],
      nodes: [channelMeans('x', 'y')],
    };
    expectColours(await predict(graph, classifier({}), await pictures()), 1e-3);
  });

  test.each([
    ['UINT8', new Uint8Array([0]), {}],
    ['INT8', new Int8Array([-128]), { mean: 128 }],
  ] as const)('as they are, of %s, to a quantised model', async (datatype, zero, shift) => {
    const graph: Graph = {
      inputs: [{ name: 'x', datatype, shape: [-1, 3, 2, 2] }],
      outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 3] }],
      initializers: [
        constant('scale', 'FP32', [], Float32Array.of(1 / 255)),
        constant('zero', datatype, [], zero),
      ],
      nodes: [
        { operator: 'DequantizeLinear', inputs: ['x', 'scale', 'zero'], outputs: ['pixels'] },
        channelMeans('pixels', 'means'),
        { operator: 'QuantizeLinear', inputs: ['means', 'scale', 'zero'], outputs: ['whole'] },
        { operator: 'DequantizeLinear', inputs: ['whole', 'scale', 'zero'], outputs: ['y'] },
      ],
    };
    const answers = await predict(graph, classifier({ rescale: 1, ...shift }), await pictures());
    expectColours(answers, 1e-6);
  });
});
