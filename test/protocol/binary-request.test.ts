import { describe, expect, it } from 'vitest';
import { decodeInferRequest } from '../../src/protocol/decode-request.ts';
import type { TensorMetadata } from '../../src/protocol/tensor.ts';
import { refusal } from './refusal.ts';

const model: readonly TensorMetadata[] = [{ name: 'x', datatype: 'FP32', shape: [-1, 2] }];

function withBinary(document: unknown, ...tensors: readonly Uint8Array[]) {
  const json = new TextEncoder().encode(JSON.stringify(document));
  const body = Buffer.concat([json, ...tensors]);
  return decodeInferRequest(body, { inferenceHeaderContentLength: `${json.length}` }, model);
}

function binaryInput(datatype: string, shape: readonly number[], size: unknown) {
  return { name: 'x', shape, datatype, parameters: { binary_data_size: size } };
}

describe('an inference request with binary tensors', () => {
  it('is read in the order of the tensors', () => {
    const { inputs } = withBinary(
      {
        inputs: [
          { ...binaryInput('BOOL', [3], 3), name: 'a' },
          { name: 'j', shape: [1], datatype: 'INT8', data: [7] },
          { ...binaryInput('BYTES', [2], 10), name: 'b' },
        ],
      },
      Uint8Array.of(1, 0, 1),
      Uint8Array.of(2, 0, 0, 0, 104, 105, 0, 0, 0, 0),
    );
    expect(inputs.map(({ data }) => data)).toEqual([
      Uint8Array.of(1, 0, 1),
      Int8Array.of(7),
      ['hi', ''],
    ]);
  });

  it('shares the memory of the body where the data is aligned, and copies it elsewhere', () => {
    for (const [headerBytes, shared] of [
      [128, true],
      [129, false],
    ] as const) {
      const json = JSON.stringify({ inputs: [binaryInput('FP64', [1], 8)] }).padEnd(headerBytes);
      const body = new Uint8Array(headerBytes + 8);
      new TextEncoder().encodeInto(json, body);
      new DataView(body.buffer).setFloat64(headerBytes, 2.5, true);
      const options = { inferenceHeaderContentLength: `${headerBytes}` };
      const data = decodeInferRequest(body, options, model).inputs[0]?.data;
      expect(data).toEqual(Float64Array.of(2.5));
      expect(data instanceof Float64Array && data.buffer === body.buffer).toBe(shared);
    }
  });

  it('may be one raw tensor, whose varying dimension its size gives', () => {
    const body = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer);
    const raw = (inputs: readonly TensorMetadata[], bytes = body) =>
      decodeInferRequest(bytes, { inferenceHeaderContentLength: '0' }, inputs);
    expect(raw(model)).toEqual({
      id: undefined,
      parameters: {},
      inputs: [{ name: 'x', datatype: 'FP32', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }],
      outputs: undefined,
      binaryOutputs: true,
    });
    const shapeOf = (...shape: readonly number[]) =>
      raw([{ name: 'x', datatype: 'FP32', shape }]).inputs[0]?.shape;
    expect(shapeOf(2, 2)).toEqual([2, 2]);
    expect(shapeOf(-1, -1)).toEqual([1, 4]);
    expect(refusal(() => shapeOf(-1, 3))).toBe(
      'body: expected a multiple of 3 elements of FP32 for the shape [-1,3], got 4',
    );
    expect(refusal(() => shapeOf(-1, -1, -1))).toContain(
      'more than one dimension of [-1,-1,-1] varies',
    );
    expect(refusal(() => shapeOf(5))).toBe(
      'body: expected 20 bytes for 5 elements of FP32, got 16',
    );
    expect(refusal(() => raw([...model, ...model]))).toContain(
      'expected a model with exactly one input',
    );
    const text: TensorMetadata = { name: 's', datatype: 'BYTES', shape: [-1, 1] };
    expect(raw([text], Uint8Array.of(1, 0, 0, 0, 65)).inputs).toEqual([
      { name: 's', datatype: 'BYTES', shape: [1, 1], data: ['A'] },
    ]);
    expect(refusal(() => raw([{ ...text, shape: [2] }]))).toContain(
      'one element of BYTES, got [2]',
    );
  });

  it.each([
    [
      'abc',
      'Inference-Header-Content-Length: expected a whole number from 0 to 3, the size of the body, got "abc"',
    ],
    ['4', 'got "4"'],
    ['-1', 'got "-1"'],
    ['1e0', 'got "1e0"'],
    ['99999999999999999999', 'got "99999999999999999999"'],
  ])(
    'is refused when the header says %s of three bytes',
    (inferenceHeaderContentLength, message) => {
      const body = Buffer.from('{}\n');
      const options = { inferenceHeaderContentLength };
      expect(refusal(() => decodeInferRequest(body, options, model))).toContain(message);
    },
  );

  it.each([
    [
      'FP32',
      [2],
      4,
      8,
      'inputs[0].parameters.binary_data_size: expected 8 bytes for 2 elements of FP32, got 4',
    ],
    [
      'FP32',
      [2],
      8,
      7,
      'inputs[0].parameters.binary_data_size: expected at most the 7 bytes left behind the JSON',
    ],
    [
      'FP32',
      [2],
      8,
      9,
      'body: expected 8 bytes of binary tensors, the sum of every binary_data_size, got 9',
    ],
    [
      'FP32',
      [2],
      -8,
      8,
      'inputs[0].parameters.binary_data_size: expected a whole number of at least 0, got -8',
    ],
    ['FP32', [2], '8', 8, 'expected a whole number of at least 0, got the string "8"'],
    ['BYTES', [2], 7, 7, 'expected at least 8 bytes for 2 elements of BYTES, got 7'],
    ['BYTES', [1], 9, 9, 'expected 4 bytes for 1 elements, got 9'],
  ])('is refused: %s %j of %j bytes in a body of %i', (datatype, shape, size, bytes, message) => {
    const document = { inputs: [binaryInput(datatype, shape, size)] };
    expect(refusal(() => withBinary(document, new Uint8Array(bytes)))).toContain(message);
  });

  it.each([
    ['BYTES', Uint8Array.of(5, 0, 0, 0, 65), '[0]: expected 5 bytes as its length says, got 1'],
    ['BYTES', Uint8Array.of(255, 255, 255, 255, 65), '[0]: expected 4294967295 bytes'],
    ['BYTES', Uint8Array.of(1, 0, 0, 0, 0xff), '[0]: expected UTF-8, got other bytes'],
    ['BOOL', Uint8Array.of(2), '[0]: expected a byte of 0 or 1, got 2'],
  ])('is refused for what %s cannot be (%#)', (datatype, bytes, message) => {
    const document = { inputs: [binaryInput(datatype, [1], bytes.length)] };
    expect(refusal(() => withBinary(document, bytes))).toContain(message);
  });

  it('is refused when a tensor has its data twice', () => {
    const input = { ...binaryInput('FP32', [1], 4), data: [1] };
    expect(refusal(() => withBinary({ inputs: [input] }, new Uint8Array(4)))).toBe(
      'inputs[0]: expected either data or parameters.binary_data_size, got both',
    );
  });
});
