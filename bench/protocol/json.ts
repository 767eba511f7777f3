import { decodeInferRequest } from '../../src/protocol/decode-request.ts';
import { encodeInferResponse } from '../../src/protocol/encode-response.ts';
import type { Tensor } from '../../src/protocol/tensor.ts';
import { compare, pseudoRandom } from '../measure.ts';

/**
 * What the protocol costs over the least that any server in JavaScript can do. Run: npm run bench -- protocol/json
 */
const shape = [1, 3, 224, 224];
const values = pseudoRandom(150_528);
const rounds = { rounds: 31, warmUps: 8 };

function nest(flat: readonly number[], dimensions: readonly number[]): unknown {
  return dimensions
    .slice(1)
    .toReversed()
    .reduce<unknown[]>(
      (rows, length) => {
        return Array.from({ length: rows.length / length }, (_, row) =>
          rows.slice(row * length, (row + 1) * length),
        );
      },
      [...flat],
    );
}

function requestText(data: unknown): string {
  return JSON.stringify({ inputs: [{ name: 'x', shape, datatype: 'FP32', data }] });
}

type Body = { readonly inputs: readonly [{ readonly data: unknown }] };

function parsed(text: string): unknown {
  return (JSON.parse(text) as Body).inputs[0].data;
}

/** The yardsticks: `JSON.parse` and a loop that fills a typed array, without one check. */
function fillFlat(text: string): Float32Array {
  const data = parsed(text) as number[];
  const target = new Float32Array(values.length);
  for (let index = 0; index < data.length; index++) target[index] = data[index] ?? 0;
  return target;
}

function fillNested(text: string): Float32Array {
  const data = parsed(text) as number[][][][];
  const target = new Float32Array(values.length);
  let offset = 0;
  for (const images of data) {
    for (const channel of images) {
      for (const row of channel) {
        for (let index = 0; index < row.length; index++) target[offset++] = row[index] ?? 0;
      }
    }
  }
  return target;
}

const digits: readonly [string, readonly number[]][] = [
  ['full digits', Array.from(values)],
  ['4 decimals', Array.from(values, (value) => Math.round(value * 1e4) / 1e4)],
];
for (const [name, flat] of digits) {
  const flatText = requestText(flat);
  const flatBytes = new TextEncoder().encode(flatText);
  const nestedText = requestText(nest(flat, shape));
  await compare(
    `decode 150,528 numbers, ${name}, ${flatText.length} bytes`,
    [
      { name: 'JSON.parse and fill, flat', run: () => fillFlat(flatText) },
      { name: 'decodeInferRequest, flat', run: () => decodeInferRequest(flatText, {}, []) },
      {
        name: 'decodeInferRequest, flat, from bytes',
        run: () => decodeInferRequest(flatBytes, {}, []),
      },
    ],
    rounds,
  );
  await compare(
    `decode 150,528 numbers, ${name}, nested [1,3,224,224]`,
    [
      { name: 'JSON.parse and fill, nested', run: () => fillNested(nestedText) },
      { name: 'decodeInferRequest, nested', run: () => decodeInferRequest(nestedText, {}, []) },
    ],
    rounds,
  );
}

function encode(
  data: Float32Array | BigInt64Array,
  dimensions: readonly number[],
  binary: boolean,
) {
  const tensor: Tensor = {
    name: 'y',
    datatype: data instanceof Float32Array ? 'FP32' : 'INT64',
    shape: dimensions,
    data,
  };
  return encodeInferResponse(
    { modelName: 'm', modelVersion: '1', id: undefined, parameters: {}, outputs: [tensor] },
    undefined,
    { binaryOutputs: binary },
  );
}

const longs = BigInt64Array.from(values, (value) => BigInt(Math.round(value * 1000)));
const longsText = JSON.stringify({
  inputs: [{ name: 'x', shape, datatype: 'INT64', data: Array.from(longs, Number) }],
});
await compare(
  'INT64, 150,528 numbers',
  [
    {
      name: 'JSON.parse and BigInt64Array.from',
      run: () => BigInt64Array.from(parsed(longsText) as number[], BigInt),
    },
    { name: 'decodeInferRequest', run: () => decodeInferRequest(longsText, {}, []) },
    { name: 'encodeInferResponse', run: () => encode(longs, shape, false) },
  ],
  rounds,
);

await compare(
  'encode 150,528 numbers',
  [
    { name: 'JSON.stringify(Array.from(data))', run: () => JSON.stringify(Array.from(values)) },
    { name: 'encodeInferResponse, JSON', run: () => encode(values, shape, false) },
  ],
  rounds,
);

const header = JSON.stringify({
  inputs: [
    { name: 'x', shape, datatype: 'FP32', parameters: { binary_data_size: values.byteLength } },
  ],
}).padEnd(256);
const binaryBody = new Uint8Array(256 + values.byteLength);
new TextEncoder().encodeInto(header, binaryBody);
binaryBody.set(new Uint8Array(values.buffer), 256);
await compare(
  'binary, 602,112 bytes',
  [
    { name: 'copy of the tensor', run: () => new Uint8Array(values.buffer).slice() },
    {
      name: 'decodeInferRequest, aligned',
      run: () => decodeInferRequest(binaryBody, { inferenceHeaderContentLength: '256' }, []),
    },
    { name: 'encodeInferResponse, binary', run: () => encode(values, shape, true) },
  ],
  { rounds: 101, warmUps: 20 },
);

const small = JSON.stringify({
  id: '1',
  inputs: [
    { name: 'x', shape: [1, 16], datatype: 'FP32', data: Array.from(values.subarray(0, 16)) },
  ],
});
const smallValues = values.slice(0, 16);
await compare(
  'small tensors, 16 values, one call',
  [
    { name: 'JSON.parse and fill', run: () => Float32Array.from(parsed(small) as number[]) },
    { name: 'decodeInferRequest', run: () => decodeInferRequest(small, {}, []) },
    { name: 'encodeInferResponse, JSON', run: () => encode(smallValues, [1, 16], false) },
    { name: 'encodeInferResponse, binary', run: () => encode(smallValues, [1, 16], true) },
  ],
  { rounds: 51, warmUps: 20, repeat: 200 },
);
