import { readFileSync } from 'node:fs';
import type { SeededRandom } from '../support/random.ts';

/** A valid request, in parts that can be changed one by one. */
export interface Template {
  readonly method: string;
  /** Percent-encoded. */
  readonly path: string;
  /** Without the question mark. */
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: string;
  /** Behind the JSON; the whole body where there is none. */
  readonly bytes?: Uint8Array;
  /** @default 200 */
  readonly status?: number;
  /** What stands in the body of the right answer. */
  readonly answer?: string | Uint8Array;
}

const projectFile = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url));
const picture = projectFile('examples/ocr/line.png');
const recording = wave(0.2);

const json = { 'content-type': 'application/json' };

/** Rows of a request: few as a rule. */
function rowsOf(random: SeededRandom): number {
  return random.pick([1, 1, 2, 3, 40, 2000]);
}

function integers(random: SeededRandom, count: number, limit: number): number[] {
  return Array.from({ length: count }, () => random.integer(-limit, limit));
}

function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

function words(random: SeededRandom, count: number): string[] {
  return Array.from({ length: count }, () => random.pick(['a', '', 'größer', '東京 🗼', '"\\']));
}

/** A request of the Open Inference Protocol for one input, `x`. */
function infer(model: string, input: object, rest: Partial<Template> & { request?: object }) {
  const { request, ...others } = rest;
  return {
    method: 'POST',
    path: `/v2/models/${encodeURIComponent(model)}/infer`,
    headers: json,
    json: JSON.stringify({ id: 'q', ...request, inputs: [{ name: 'x', ...input }] }),
    ...others,
  };
}

function binaryHeaders(text: string): Record<string, string> {
  return {
    'content-type': 'application/octet-stream',
    'inference-header-content-length': `${Buffer.byteLength(text)}`,
  };
}

/** As `infer`, with the tensor behind the JSON both ways. */
function inferBinary(model: string, datatype: string, shape: readonly number[], bytes: Uint8Array) {
  const input = { datatype, shape, parameters: { binary_data_size: bytes.length } };
  const template = infer(model, input, { request: { parameters: { binary_data_output: true } } });
  return { ...template, headers: binaryHeaders(template.json), bytes, answer: bytes };
}

function lengthPrefixed(texts: readonly string[]): Uint8Array {
  return Buffer.concat(
    texts.flatMap((text) => {
      const prefix = Buffer.alloc(4);
      prefix.writeUInt32LE(Buffer.byteLength(text));
      return [prefix, Buffer.from(text)];
    }),
  );
}

/** NumPy's file format, version 1 (numpy.lib.format). */
function npy(values: Float32Array, rows: number): Uint8Array {
  const head = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows}, 2), }`.padEnd(117);
  const magic = Buffer.from('\x93NUMPY\x01\x00\x76\x00', 'latin1');
  return Buffer.concat([magic, Buffer.from(`${head}\n`), bytesOf(values)]);
}

/** A faint tone as a file of 16-bit samples at 16 kHz. */
function wave(seconds: number): Uint8Array {
  const samples = Int16Array.from({ length: seconds * 16_000 }, (_, at) => 900 * Math.sin(at / 9));
  const header = Buffer.alloc(44);
  header.write('RIFF', 0);
  header.writeUInt32LE(36 + samples.byteLength, 4);
  header.write('WAVEfmt ', 8);
  header.set([16, 0, 0, 0, 1, 0, 1, 0], 16);
  header.writeUInt32LE(16_000, 24);
  header.writeUInt32LE(32_000, 28);
  header.set([2, 0, 16, 0], 32);
  header.write('data', 36);
  header.writeUInt32LE(samples.byteLength, 40);
  return Buffer.concat([header, bytesOf(samples)]);
}

function get(path: string, status = 200): () => Template {
  return () => ({ method: 'GET', path, status });
}

function predict(model: string, contentType: string, body: string | Uint8Array): Template {
  return {
    method: 'POST',
    path: `/v2/models/${model}/predict`,
    headers: { 'content-type': contentType },
    ...(typeof body === 'string' ? { json: body } : { bytes: body }),
    answer: '"predictions"',
  };
}

/** Every kind of request that the HTTP surface takes, over the models of models.ts. */
export const templates: readonly ((random: SeededRandom) => Template)[] = [
  (random) => {
    const rows = rowsOf(random);
    const data = integers(random, rows * 2, 1000);
    return infer(
      'numbers',
      { datatype: 'FP32', shape: [rows, 2], data },
      {
        request: { parameters: { timeout: 30_000_000, priority: 1 }, outputs: [{ name: 'y' }] },
        answer: `"data":${JSON.stringify(data)}`,
      },
    );
  },
  (random) => {
    const data = [integers(random, 2, 9), integers(random, 2, 9)];
    const input = { datatype: 'FP32', shape: [2, 2], data };
    const template = infer('numbers', input, { answer: `"data":${JSON.stringify(data.flat())}` });
    const version = random.pick(['1', '2', 'stable']);
    return { ...template, path: `/v2/models/numbers/versions/${version}/infer` };
  },
  () =>
    infer(
      'longs',
      { datatype: 'INT64', shape: [1, 2], data: ['-9223372036854775808', 9007199254740991] },
      { answer: '"data":["-9223372036854775808",9007199254740991]' },
    ),
  (random) => {
    const data = words(random, rowsOf(random));
    return infer(
      'texts',
      { datatype: 'BYTES', shape: [data.length], data },
      { answer: `"data":${JSON.stringify(data)}` },
    );
  },
  () =>
    infer(
      'flags',
      { datatype: 'BOOL', shape: [3], data: [true, false, true] },
      { answer: '"data":[true,false,true]' },
    ),
  () => infer('scalar', { datatype: 'FP32', shape: [], data: [7] }, { answer: '"data":[7]' }),
  () =>
    infer(
      'doubles',
      { datatype: 'FP64', shape: [2, 1, 2], data: [[[1.5, -0.25]], [[1e300, 0]]] },
      { answer: '"data":[1.5,-0.25,1e+300,0]' },
    ),
  () =>
    infer(
      'naïve 模型',
      { datatype: 'UINT8', shape: [2], data: [0, 255] },
      { answer: '"data":[0,255]' },
    ),
  (random) => {
    const rows = rowsOf(random);
    const values = Float32Array.from(integers(random, rows * 2, 9));
    return inferBinary('numbers', 'FP32', [rows, 2], bytesOf(values));
  },
  (random) => {
    const texts = words(random, rowsOf(random));
    return inferBinary('texts', 'BYTES', [texts.length], lengthPrefixed(texts));
  },
  () => inferBinary('halves', 'FP16', [2], Uint8Array.of(0, 0x3c, 0, 0x80)),
  (random) => {
    const rows = rowsOf(random);
    const a = bytesOf(Float32Array.from(integers(random, rows * 2, 9)));
    const parameters = { binary_data_size: a.length };
    const text = JSON.stringify({
      inputs: [
        { name: 'b', datatype: 'INT64', shape: [2], data: [1, -1] },
        { name: 'a', datatype: 'FP32', shape: [rows, 2], parameters },
      ],
      outputs: [{ name: 'b_out' }, { name: 'a_out', parameters: { binary_data: true } }],
    });
    const headers = binaryHeaders(text);
    return {
      method: 'POST',
      path: '/v2/models/pair/infer',
      headers,
      json: text,
      bytes: a,
      answer: a,
    };
  },
  (random) => {
    const bytes = bytesOf(Float32Array.from(integers(random, rowsOf(random) * 2, 9)));
    const headers = binaryHeaders('');
    return { method: 'POST', path: '/v2/models/numbers/infer', headers, bytes, answer: bytes };
  },
  (random) =>
    infer(
      'classes',
      { datatype: 'FP32', shape: [1, 3], data: [1, 3, 2] },
      {
        request: {
          outputs: [{ name: 'y', parameters: { classification: random.integer(1, 3) } }],
        },
        answer: '"3:1:green"',
      },
    ),
  ...[
    '/v2',
    '/v2/health/live',
    '/v2/health/ready',
    '/v2/models/numbers',
    '/v2/models/numbers/versions/stable',
    '/v2/models/pair/config',
    '/v2/models/numbers/versions/1/ready',
    '/v2/models/stats',
    '/v2/models/numbers/stats',
    '/ping',
    '/openapi.json',
  ].map((path) => get(path)),
  get('/v2/models/truncated', 503),
  get('/v2/models/misconfigured/ready', 503),
  get('/v2/models/nothing', 404),
  get('/v2/nothing', 404),
  get('/v2/jobs/0123456789abcdef', 404),
  () => ({ method: 'GET', path: '/v2/jobs', query: 'limit=2&model=numbers', answer: '"jobs"' }),
  () => ({
    method: 'POST',
    path: '/v2/jobs',
    headers: json,
    json: '{"model":"numbers","input":{"key":"data/none.jsonl"},"output":{"format":"jsonl"},"shardRecords":5}',
    status: 404,
  }),
  (random) => ({
    method: 'POST',
    path: '/v2/repository/index',
    headers: json,
    json: random.pick(['', '{}', '{"ready":true}']),
    answer: '"numbers"',
  }),
  (random) => ({
    method: 'POST',
    path: `/v2/repository/models/${random.pick(['longs', 'classes'])}/${random.pick(['load', 'unload'])}`,
    headers: json,
    json: random.pick(['', '{}']),
  }),
  (random) => ({
    method: 'POST',
    path: '/models/numbers/invocations',
    query: random.pick(['', 'version=1', 'version=stable']),
    headers: json,
    json: random.pick(['{"instances":[[1,2],[3,4]]}', '[[1,2],[3,4]]']),
    answer: '[[1,2],[3,4]]',
  }),
  () => ({
    method: 'POST',
    path: '/invocations',
    headers: { ...json, 'x-amzn-sagemaker-target-model': 'pair' },
    json: '{"instances":[{"a":[1,2],"b":5},{"a":[3,4],"b":"6"}]}',
    answer: '"b_out":6',
  }),
  () => ({
    method: 'POST',
    path: '/models/numbers/invocations',
    headers: { 'content-type': 'application/jsonlines', accept: 'application/json' },
    json: '[1,2]\n[3,4]\n',
    answer: '3',
  }),
  () => ({
    method: 'POST',
    path: '/models/classes/invocations',
    headers: { 'content-type': 'text/csv' },
    json: '1,2,3\n4,5,6\n',
    answer: '4,5,6\n',
  }),
  (random) => {
    const values = Float32Array.from(integers(random, 6, 9));
    return {
      method: 'POST',
      path: '/models/numbers/invocations',
      headers: { 'content-type': 'application/x-npy' },
      bytes: npy(values, 3),
      answer: bytesOf(values),
    };
  },
  () => {
    const bytes = bytesOf(Float32Array.of(1, 2));
    return {
      method: 'POST',
      path: '/models/numbers/invocations',
      headers: { 'content-type': 'application/octet-stream' },
      bytes,
      answer: bytes,
    };
  },
  () => predict('speech', 'audio/wav', recording),
  () => predict('picture', 'image/png', picture),
  () =>
    predict(
      'picture',
      'application/json',
      JSON.stringify({ inputs: [picture.toString('base64')], parameters: { top_k: 2 } }),
    ),
  () =>
    predict(
      'rows',
      'application/json',
      '{"inputs":[{"age":3,"member":true,"plan":"free"},{"age":4.5,"member":0,"plan":"paid"}]}',
    ),
  () => predict('rows', 'text/csv', 'age,member,plan\n3,true,free\n4,false,paid\n'),
  () => predict('words', 'text/plain', 'a quick brown fox'),
  () => predict('words', 'application/json', '{"inputs":["a fox",{"text":"größer"}]}'),
];
