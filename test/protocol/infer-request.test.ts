import { describe, expect, it } from 'vitest';
import { decodeInferRequest } from '../../src/protocol/decode-request.ts';
import type { TensorMetadata } from '../../src/protocol/tensor.ts';

const model: readonly TensorMetadata[] = [{ name: 'x', datatype: 'FP32', shape: [-1, 2] }];

function decode(document: unknown) {
  return decodeInferRequest(JSON.stringify(document), {}, model);
}

function withBinary(document: unknown, ...tensors: readonly Uint8Array[]) {
  const json = new TextEncoder().encode(JSON.stringify(document));
  const body = Buffer.concat([json, ...tensors]);
  return decodeInferRequest(body, { inferenceHeaderContentLength: `${json.length}` }, model);
}

describe('an inference request in JSON', () => {
  it('is read with flat data', () => {
    const request = decode({
      id: '42',
      inputs: [{ name: 'x', shape: [2, 2], datatype: 'FP32', data: [1, 2.5, -0, 4] }],
      outputs: [{ name: 'y', parameters: { classification: 2, binary_data: true } }],
    });
    expect(request).toEqual({
      id: '42',
      parameters: {},
      inputs: [
        { name: 'x', shape: [2, 2], datatype: 'FP32', data: new Float32Array([1, 2.5, 0, 4]) },
      ],
      outputs: [{ name: 'y', binary: true, classification: 2 }],
      binaryOutputs: false,
    });
  });

  it('is read with nested data', () => {
    const { inputs } = decode({
      inputs: [{ name: 'x', shape: [2, 1, 2], datatype: 'INT16', data: [[[1, 2]], [[3, -4]]] }],
    });
    expect(inputs[0]?.data).toEqual(new Int16Array([1, 2, 3, -4]));
  });

  it('keeps every digit of 64-bit integers, as numbers and as strings', () => {
    const body = `{"inputs":[{"name":"x","shape":[4],"datatype":"INT64",
      "data":[9223372036854775807, "-9223372036854775808", 9007199254740993, -5]}]}`;
    const { inputs } = decodeInferRequest(body, {}, model);
    expect(inputs[0]?.data).toEqual(
      new BigInt64Array([2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n, -5n]),
    );
  });

  it.each([
    [{ inputs: {} }, 'inputs: expected an array, got an object'],
    [
      { inputs: [{ name: 'x', shape: [-1], datatype: 'FP32', data: [] }] },
      'inputs[0].shape[0]: expected a whole number of at least 0, got -1',
    ],
    [
      { inputs: [{ name: 'x', shape: [1, 2], datatype: 'UINT8', data: [[1, 256]] }] },
      'inputs[0].data[0][1]: expected an integer from 0 to 255, got 256',
    ],
    [
      { inputs: [{ name: 'x', shape: [1], datatype: 'FP32', data: [1e39] }] },
      'inputs[0].data[0]: expected a number in the range of FP32, got 1e+39',
    ],
  ])('is refused with the path of the field: %j', (document, message) => {
    expect(() => decode(document)).toThrow(message);
  });
});

describe('an inference request with binary tensors', () => {
  it('is read in the order of the tensors', () => {
    const { inputs } = withBinary(
      {
        inputs: [
          { name: 'a', shape: [3], datatype: 'BOOL', parameters: { binary_data_size: 3 } },
          { name: 'j', shape: [1], datatype: 'INT8', data: [7] },
          { name: 'b', shape: [2], datatype: 'BYTES', parameters: { binary_data_size: 10 } },
        ],
      },
      new Uint8Array([1, 0, 1]),
      new Uint8Array([2, 0, 0, 0, 104, 105, 0, 0, 0, 0]),
    );
    expect(inputs.map(({ data }) => data)).toEqual([
      new Uint8Array([1, 0, 1]),
      new Int8Array([7]),
      ['hi', ''],
    ]);
  });

  it('may be one raw tensor, whose varying dimension its size gives', () => {
    const body = new Uint8Array(new Float32Array([1, 2, 3, 4]).buffer);
    const request = decodeInferRequest(body, { inferenceHeaderContentLength: '0' }, model);
    expect(request.inputs).toEqual([
      { name: 'x', datatype: 'FP32', shape: [2, 2], data: new Float32Array([1, 2, 3, 4]) },
    ]);
    expect(request.binaryOutputs).toBe(true);
  });
});
