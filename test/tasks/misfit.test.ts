import { describe, expect, test } from 'vitest';
import { create, type Model, tensor, testMisfits } from './support/misfits.ts';

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
  await expect(create(vad, vadModel)).resolves.toMatchObject({ accepts: 'audio' });
  await expect(create(rank, table)).resolves.toMatchObject({ accepts: 'row' });
  const files = { 'tokenizer.json': tokenizer };
  const task = { ...embed, tokenizer: { maxLength: 8 } };
  await expect(create(task, { ...embedder, files })).resolves.toMatchObject({ accepts: 'text' });
});

describe('what does not fit the model is refused while it is loaded, with the field named', () => {
  testMisfits([
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
      'a pipeline with a model of its own',
      {
        type: 'pipeline',
        steps: [{ name: 'a', operation: 'predict', model: 'b', images: 'request' }],
        output: { items: ['a'] },
      },
      { inputs: [tensor('pixels', [-1, 3, 224, 224])], outputs: [tensor('scores', [-1, 3])] },
      /task\.type: .* a pipeline has no model file/,
    ],
  ]);
});
