import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as v from 'valibot';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSessionFactory } from '../../src/adapters/onnxruntime/session-factory.ts';
import { taskConfigurationSchema } from '../../src/models/task-configuration.ts';
import { createPredictor } from '../../src/tasks/create.ts';
import {
  defaultParameters,
  type PredictInput,
  type Prediction,
} from '../../src/tasks/predictor.ts';
import { encodeModel, type Graph, type Initializer, type Node } from '../support/onnx-protobuf.ts';
import { decoders, repository } from './support/models.ts';

/** Models whose inputs, weights or outputs are halves or quantised, from the raw thing to the answer. */
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pilotlight-datatypes-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function predict(
  graph: Graph,
  task: v.InferInput<typeof taskConfigurationSchema>,
  inputs: readonly PredictInput[],
): Promise<Prediction[]> {
  const path = join(folder, 'model.onnx');
  await writeFile(path, encodeModel(graph));
  const options = { intraOpThreads: 1, graphOptimization: 'all' } as const;
  const session = await createSessionFactory().create(path, options);
  try {
    const model = {
      name: 'm',
      inputs: session.inputs,
      outputs: session.outputs,
      labels: [],
      readFile: async (file: string) =>
        file === 'tokenizer.json' ? await readFile(tokenizerPath, 'utf8') : undefined,
    };
    const predictor = await createPredictor(
      v.parse(taskConfigurationSchema, task),
      model,
      decoders,
    );
    return await predictor.predict(inputs, defaultParameters, {
      maxBatchSize: 8,
      run: (feeds, outputs) => session.run(feeds, outputs),
      withModel: () => Promise.reject(new Error('no other models')),
    });
  } finally {
    await session.release();
  }
}

const bytesOf = (values: ArrayBufferView) =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
const constant = (
  name: string,
  datatype: Initializer['datatype'],
  shape: readonly number[],
  values: ArrayBufferView,
): Initializer => ({ name, datatype, shape, raw: bytesOf(values) });
const halves = (...values: number[]) => new Float16Array(values);

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

const tokenizerPath = join(repository, 'examples/models/word-mean-64/1/tokenizer.json');

describe('texts', () => {
  const tokens = 30_522;
  const width = 4;
  const sentences = ['The weather is lovely today.', 'Send the invoice.'];
  /** Multiples of 1/8, which halves and eighths of INT8 hold exactly. */
  const eighths = Int8Array.from({ length: tokens * width }, (_, i) => ((i * 37) % 201) - 100);
  const embedder = { type: 'feature-extraction', pooling: 'mean' } as const;
  const ids = { name: 'input_ids', datatype: 'INT64', shape: [-1, -1] } as const;
  const mask = { name: 'attention_mask', datatype: 'INT64', shape: [-1, -1] } as const;

  async function expectMeans(graph: Graph) {
    const inputs = sentences.map((text): PredictInput => ({ kind: 'text', text }));
    const answers = await predict(graph, { ...embedder, tokenizer: { maxLength: 64 } }, inputs);
    const json = await readFile(tokenizerPath, 'utf8');
    const tokenizer = await decoders.tokenizers.create(json, '{}');
    for (const [index, text] of sentences.entries()) {
      const rows = tokenizer.encode(text, true).ids;
      const answer = answers[index];
      const values = answer?.type === 'embedding' ? [...answer.values] : [];
      expect(values).toHaveLength(width);
      for (const [place, value] of values.entries()) {
        const sum = rows.reduce((total, id) => total + (eighths[id * width + place] ?? 0) / 8, 0);
        expect(value).toBeCloseTo(sum / rows.length, 4);
      }
    }
  }

  test('to embeddings in halves', async () => {
    const table = Float16Array.from(eighths, (value) => value / 8);
    await expectMeans({
      inputs: [ids, mask],
      outputs: [{ name: 'y', datatype: 'FP16', shape: [-1, -1, width] }],
      initializers: [constant('table', 'FP16', [tokens, width], table)],
      nodes: [{ operator: 'Gather', inputs: ['table', 'input_ids'], outputs: ['y'] }],
    });
  });

  test('to embeddings of a quantised table', async () => {
    await expectMeans({
      inputs: [ids, mask],
      outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, -1, width] }],
      initializers: [
        constant('table', 'INT8', [tokens, width], eighths),
        constant('scale', 'FP32', [], Float32Array.of(1 / 8)),
        constant('zero', 'INT8', [], Int8Array.of(0)),
      ],
      nodes: [
        { operator: 'Gather', inputs: ['table', 'input_ids'], outputs: ['rows'] },
        { operator: 'DequantizeLinear', inputs: ['rows', 'scale', 'zero'], outputs: ['y'] },
      ],
    });
  });
});

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
