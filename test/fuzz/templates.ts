import type { SeededRandom } from '../support/random.ts';
import {
  binaryHeaders,
  bytesOf,
  get,
  infer,
  inferBinary,
  integers,
  json,
  lengthPrefixed,
  npy,
  picture,
  predict,
  recording,
  rowsOf,
  type Template,
  words,
} from './template-parts.ts';

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
