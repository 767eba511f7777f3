import { parse } from 'csv-parse/sync';
import { decodeInvocation } from '../../src/protocol/formats/invocation.ts';
import { formatNpy } from '../../src/protocol/formats/npy.ts';
import type { Tensor, TensorMetadata } from '../../src/protocol/tensor.ts';
import { compare, pseudoRandom } from '../measure.ts';

/**
 * What the content types of `/invocations` cost for the same table of 5,000 rows of 30 features, in and out.
 * Run: npm run bench -- protocol/formats
 */
const rows = 5_000;
const features = 30;
const values = pseudoRandom(rows * features);
const model: readonly TensorMetadata[] = [{ name: 'x', datatype: 'FP32', shape: [-1, features] }];
const table: Tensor = { name: 'x', datatype: 'FP32', shape: [rows, features], data: values };
const lines = Array.from({ length: rows }, (_, row) =>
  Array.from(values.subarray(row * features, (row + 1) * features), (value) => value.toFixed(4)),
);
const csv = lines.map((line) => line.join(',')).join('\n');
const json = `{"instances":[${lines.map((line) => `[${line.join(',')}]`).join(',')}]}`;
const jsonLines = lines.map((line) => `[${line.join(',')}]`).join('\n');
const npy = formatNpy(table);
const raw = new Uint8Array(values.buffer);

const bodies: readonly (readonly [string, string | Uint8Array])[] = [
  ['application/json', json],
  ['application/jsonlines', jsonLines],
  ['text/csv', csv],
  ['application/x-npy', npy],
  ['application/octet-stream', raw],
];

function decode(contentType: string, body: string | Uint8Array) {
  const headers = { contentType, accept: undefined, inferenceHeaderContentLength: undefined };
  return decodeInvocation(body, headers, model);
}

const options = { rounds: 15, warmUps: 4 };
await compare(
  'read 150,000 numbers',
  [
    { name: 'JSON.parse', run: () => JSON.parse(json) },
    ...bodies.map(([contentType, body]) => ({
      name: contentType,
      run: () => decode(contentType, body),
    })),
    { name: 'csv-parse alone', run: () => parse(csv) },
  ],
  options,
);

const invocations = await Promise.all(
  bodies.map(async ([contentType, body]) => ({
    contentType,
    invocation: await decode(contentType, body),
  })),
);
const response = {
  modelName: 'm',
  modelVersion: '1',
  id: undefined,
  parameters: {},
  outputs: [table],
};
await compare(
  'write 150,000 numbers',
  [
    { name: 'JSON.stringify(Array.from(data))', run: () => JSON.stringify(Array.from(values)) },
    ...invocations.map(({ contentType, invocation }) => ({
      name: contentType,
      run: () => invocation.encode(response),
    })),
  ],
  options,
);
