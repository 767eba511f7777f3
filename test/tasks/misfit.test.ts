import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { taskConfigurationSchema } from '../../src/models/task-configuration.ts';
import type { TensorMetadata } from '../../src/protocol/tensor.ts';
import { createPredictor } from '../../src/tasks/create.ts';
import { decoders } from './support/models.ts';

const tensor = (name: string, shape: number[], datatype: TensorMetadata['datatype'] = 'FP32') => ({
  name,
  shape,
  datatype,
});

interface Model {
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
  readonly labels?: readonly string[];
  readonly files?: Readonly<Record<string, string>>;
}

function create(task: object, { inputs, outputs, labels = [], files = {} }: Model) {
  const readFile = async (name: string) => files[name];
  const configuration = v.parse(taskConfigurationSchema, task);
  return createPredictor(configuration, { name: 'm', inputs, outputs, labels, readFile }, decoders);
}

const classifier: Model = {
  inputs: [tensor('pixels', [-1, 3, 224, 224])],
  outputs: [tensor('scores', [-1, 3])],
};
const image = { resize: { mode: 'exact', width: 224, height: 224 } };
const classify = {
  type: 'image-classification',
  activation: 'softmax',
  image,
  labels: ['a', 'b', 'c'],
};

const vad = {
  type: 'voice-activity-detection',
  audio: { sampleRate: 16_000 },
  input: 'input',
  output: 'output',
  windowSamples: 512,
  state: [{ input: 'h', output: 'hn', shape: [2, 1, 64] }],
};
const vadModel: Model = {
  inputs: [tensor('input', [-1, 512]), tensor('h', [2, -1, 64])],
  outputs: [tensor('output', [-1, 1]), tensor('hn', [2, -1, 64])],
};

const columns = [
  { name: 'age', type: 'number' },
  { name: 'city', type: 'category', categories: ['a', 'b'], encoding: 'one-hot' },
];
const table: Model = { inputs: [tensor('x', [-1, 3])], outputs: [tensor('y', [-1, 2])] };
const rank = { type: 'tabular-classification', activation: 'none', columns, labels: ['no', 'yes'] };

const embedder: Model = {
  inputs: [tensor('input_ids', [-1, -1], 'INT64')],
  outputs: [tensor('hidden', [-1, -1, 8])],
};
const embed = { type: 'feature-extraction', pooling: 'mean' };
const tokenizer = JSON.stringify({
  model: { type: 'WordLevel', vocab: { '[UNK]': 0, a: 1 }, unk_token: '[UNK]' },
  normalizer: null,
  pre_tokenizer: { type: 'Whitespace' },
  post_processor: null,
  decoder: null,
  added_tokens: [],
});

test('what fits is taken', async () => {
  await expect(create(classify, classifier)).resolves.toMatchObject({ accepts: 'image' });
  await expect(create(vad, vadModel)).resolves.toMatchObject({ accepts: 'audio' });
  await expect(create(rank, table)).resolves.toMatchObject({ accepts: 'row' });
  const files = { 'tokenizer.json': tokenizer };
  const task = { ...embed, tokenizer: { maxLength: 8 } };
  await expect(create(task, { ...embedder, files })).resolves.toMatchObject({ accepts: 'text' });
});

describe('what does not fit the model is refused while it is loaded, with the field named', () => {
  const withImage = (change: object) => ({ ...classify, image: { ...image, ...change } });
  test.each<[string, object, Model, RegExp]>([
    [
      'an input that is not there',
      { ...classify, input: 'x' },
      classifier,
      /task\.input: expected one of pixels, got x/,
    ],
    ['an output that is not there', { ...classify, output: 'x' }, classifier, /task\.output/],
    [
      'two outputs and none named',
      classify,
      { ...classifier, outputs: [tensor('a', [-1, 3]), tensor('b', [-1, 3])] },
      /task\.output: expected one of a, b, got nothing/,
    ],
    [
      'an input that nobody fills',
      { ...classify, input: 'pixels' },
      { ...classifier, inputs: [...classifier.inputs, tensor('size', [-1, 2])] },
      /input size besides/,
    ],
    [
      'gray for three channels',
      withImage({ colour: 'gray' }),
      classifier,
      /task\.image\.colour: expected 3/,
    ],
    ['another layout', withImage({ layout: 'nhwc' }), classifier, /task\.image\.colour/],
    [
      'another width',
      withImage({ resize: { mode: 'exact', width: 256, height: 224 } }),
      classifier,
      /task\.image\.resize\.width: expected 224, .* got 256/,
    ],
    [
      'a mode that gives no size',
      withImage({ resize: { mode: 'shortest-edge', edge: 256 } }),
      classifier,
      /task\.image\.resize: expected a mode that gives the size/,
    ],
    [
      'means for another number of channels',
      withImage({ mean: [0.5, 0.5] }),
      classifier,
      /task\.image\.mean/,
    ],
    [
      'cubic without antialiasing',
      withImage({ interpolation: 'bicubic', antialias: false }),
      classifier,
      /task\.image\.interpolation/,
    ],
    [
      'corners with antialiasing',
      withImage({ sampling: 'corners' }),
      classifier,
      /task\.image\.sampling/,
    ],
    [
      'no image section and no file',
      { ...classify, image: undefined },
      classifier,
      /preprocessor_config\.json/,
    ],
    [
      'two labels for three classes',
      { ...classify, labels: ['a', 'b'] },
      classifier,
      /task\.labels: expected 3/,
    ],
    [
      'labels.txt of another length',
      { ...classify, labels: undefined },
      { ...classifier, labels: ['a'] },
      /task\.labels: expected 3 .* got 1/,
    ],
    [
      'pictures into integers',
      classify,
      { ...classifier, inputs: [tensor('pixels', [-1, 3, 224, 224], 'INT64')] },
      /task\.input: expected a tensor of FP32/,
    ],
    [
      'a first dimension of four',
      classify,
      { ...classifier, inputs: [tensor('pixels', [4, 3, 224, 224])] },
      /task\.input: expected a first dimension/,
    ],
    [
      'a state of another shape',
      { ...vad, state: [{ input: 'h', output: 'hn', shape: [2, 1, 128] }] },
      vadModel,
      /task\.state\[0\]\.shape: expected 64/,
    ],
    [
      'another window',
      { ...vad, windowSamples: 480 },
      vadModel,
      /task\.windowSamples: expected 512/,
    ],
    [
      'another context',
      { ...vad, contextSamples: 64 },
      vadModel,
      /task\.windowSamples: expected 512/,
    ],
    [
      'one column too few',
      { ...rank, columns: columns.slice(1) },
      table,
      /task\.columns: expected 3/,
    ],
    [
      'a column of text',
      { ...rank, columns: [{ name: 't', type: 'string' }] },
      table,
      /task\.columns/,
    ],
    [
      'softmax over one value',
      { ...rank, activation: 'softmax' },
      { ...table, outputs: [tensor('y', [-1, 1])] },
      /task\.activation/,
    ],
    [
      'targets of another number',
      { type: 'tabular-regression', columns, targets: ['a'] },
      table,
      /task\.targets: expected 2 names/,
    ],
    ['no tokenizer', embed, embedder, /task\.tokenizer\.file/],
    [
      'no length for texts',
      embed,
      { ...embedder, files: { 'tokenizer.json': tokenizer } },
      /task\.tokenizer\.maxLength/,
    ],
    [
      'a tokenizer that is none',
      embed,
      { ...embedder, files: { 'tokenizer.json': '{"model": 7}' } },
      /tokenizer\.json: not a tokenizer/,
    ],
    [
      'pooling over what is pooled already',
      { ...embed, tokenizer: { maxLength: 8 } },
      { ...embedder, outputs: [tensor('hidden', [-1, 8])], files: { 'tokenizer.json': tokenizer } },
      /task\.output: expected a tensor \[texts, tokens, size\]/,
    ],
    [
      'characters for another number of classes',
      {
        type: 'text-recognition',
        charactersFile: 'keys.txt',
        image: { resize: { mode: 'height', height: 48 } },
      },
      {
        inputs: [tensor('x', [-1, 3, 48, -1])],
        outputs: [tensor('y', [-1, -1, 9])],
        files: { 'keys.txt': 'a\nb\n' },
      },
      /task\.charactersFile: .* 9 classes, got 4/,
    ],
    [
      'a pipeline with a model of its own',
      {
        type: 'pipeline',
        steps: [{ name: 'a', operation: 'predict', model: 'b', images: 'request' }],
        output: { items: ['a'] },
      },
      classifier,
      /task\.type: .* a pipeline has no model file/,
    ],
  ])('%s', async (_, task, model, message) => {
    await expect(create(task, model)).rejects.toMatchObject({
      code: 'MODEL_UNAVAILABLE',
      message: expect.stringMatching(message),
    });
  });
});
