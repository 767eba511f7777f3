import { describe, expect, it } from 'vitest';
import { decodeInferRequest } from '../../src/protocol/decode-request.ts';
import type { Datatype, TensorMetadata } from '../../src/protocol/tensor.ts';
import { refusal } from './refusal.ts';

const model: readonly TensorMetadata[] = [{ name: 'x', datatype: 'FP32', shape: [-1, 2] }];

function decode(document: unknown) {
  return decodeInferRequest(JSON.stringify(document), {}, model);
}

/** A request with one input of the given data. */
function oneInput(datatype: string, shape: unknown, data: unknown) {
  return { inputs: [{ name: 'x', shape, datatype, data }] };
}

function dataOf(datatype: Datatype, shape: readonly number[], data: unknown) {
  return decode(oneInput(datatype, shape, data)).inputs[0]?.data;
}

describe('an inference request in JSON', () => {
  it('is read with flat data', () => {
    const request = decode({
      id: '42',
      parameters: { note: 'kept', timeout: 1000 },
      ...oneInput('FP32', [2, 2], [1, 2.5, 3, 4]),
      outputs: [{ name: 'y', parameters: { classification: 2, binary_data: true } }, { name: 'z' }],
      model_name: 'a key that the protocol does not know',
    });
    expect(request).toEqual({
      id: '42',
      parameters: { note: 'kept', timeout: 1000 },
      inputs: [{ name: 'x', shape: [2, 2], datatype: 'FP32', data: Float32Array.of(1, 2.5, 3, 4) }],
      outputs: [
        { name: 'y', binary: true, classification: 2 },
        { name: 'z', binary: false, classification: 0 },
      ],
      binaryOutputs: false,
    });
  });

  it('is read from bytes and text, with or without a byte order mark', () => {
    const text = `\ufeff${JSON.stringify(oneInput('BYTES', [1], ['é\ufeff']))}`;
    for (const body of [text, Buffer.from(text)]) {
      expect(decodeInferRequest(body, {}, model).inputs[0]?.data).toEqual(['é\ufeff']);
    }
  });

  it('may say null of all that it may leave out', () => {
    const [input] = oneInput('FP32', [1], [1]).inputs;
    const nothing = { id: null, parameters: null, outputs: null };
    expect(decode({ ...nothing, inputs: [{ ...input, parameters: null }] })).toEqual(
      decode({ inputs: [input] }),
    );
    const outputs = [{ name: 'y', parameters: null }];
    expect(decode({ inputs: [input], outputs })).toEqual(
      decode({ inputs: [input], outputs: [{ name: 'y' }] }),
    );
    const parameters = { binary_data_size: 4 };
    const json = JSON.stringify({ inputs: [{ ...input, data: null, parameters }] });
    const body = Buffer.concat([Buffer.from(json), Buffer.from(Float32Array.of(7).buffer)]);
    const inferenceHeaderContentLength = `${json.length}`;
    const request = decodeInferRequest(body, { inferenceHeaderContentLength }, model);
    expect(request.inputs[0]?.data).toEqual(Float32Array.of(7));
  });

  it('is read with nested data', () => {
    const nested = [[[1, 2]], [[3, -4]]];
    expect(dataOf('INT16', [2, 1, 2], nested)).toEqual(Int16Array.of(1, 2, 3, -4));
  });

  it('may hold empty tensors and scalars', () => {
    expect(dataOf('FP64', [2, 0, 3], [[], []])).toEqual(new Float64Array(0));
    expect(dataOf('FP64', [0, 3], [])).toEqual(new Float64Array(0));
    expect(dataOf('FP64', [], [7])).toEqual(Float64Array.of(7));
  });

  it('takes booleans as words and as 0 and 1', () => {
    expect(dataOf('BOOL', [4], [true, false, 1, 0])).toEqual(Uint8Array.of(1, 0, 1, 0));
  });

  it('keeps every digit of 64-bit integers, as numbers and as strings', () => {
    const body = `{"inputs":[
      {"name":"f","shape":[2],"datatype":"FP64","data":[9007199254740993, 1e300]},
      {"name":"x","shape":[5],"datatype":"INT64",
       "data":[9223372036854775807, "-9223372036854775808", 9007199254740993, -5, 1e3]},
      {"name":"u","shape":[1,2],"datatype":"UINT64","data":[[18446744073709551615, 4294967295]]}]}`;
    expect(decodeInferRequest(body, {}, model).inputs.map(({ data }) => data)).toEqual([
      Float64Array.of(9007199254740992, 1e300),
      BigInt64Array.of(2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n, -5n, 1000n),
      BigUint64Array.of(2n ** 64n - 1n, 2n ** 32n - 1n),
    ]);
  });

  it('keeps them too where a text holds such digits between commas', () => {
    const body = `{"note":"a, 9007199254740993, b","inputs":[
      {"name":"x","shape":[2],"datatype":"INT64","data":[9007199254740993,1]}]}`;
    expect(decodeInferRequest(body, {}, model).inputs[0]?.data).toEqual(
      BigInt64Array.of(2n ** 53n + 1n, 1n),
    );
  });

  it.each([
    '[1234567890123456 ]',
    ', 9007199254740993,',
    '"[9007199254740993]"',
    '\\",9007199254740993,\\',
    '\n,1234567890123456,"',
  ])('tells the digits of a text from those of a number: %j', (text) => {
    const id = JSON.stringify(text);
    const body = `{"id":${id},"inputs":[
      {"name":"x","shape":[2],"datatype":"INT64","data":[-9007199254740993,1]},
      {"name":"s","shape":[1],"datatype":"BYTES","data":[${id}]}]}`;
    const request = decodeInferRequest(body, {}, model);
    expect(request.id).toBe(text);
    expect(request.inputs.map(({ data }) => Array.from<unknown>(data))).toEqual([
      [-9007199254740993n, 1n],
      [text],
    ]);
  });

  it('is refused when it is longer than it may become in memory', () => {
    const body = `${' '.repeat(8 * 1024 * 1024)}{}`;
    const refused = { code: 'PAYLOAD_TOO_LARGE', message: expect.stringContaining('send tensors') };
    expect(() => decodeInferRequest(body, {}, model)).toThrow(expect.objectContaining(refused));
    const bytes = Buffer.from(body);
    expect(() => decodeInferRequest(bytes, {}, model)).toThrow(expect.objectContaining(refused));
  });

  it.each([
    ['text', '{"inputs":[}', 'body: expected JSON, got "Unexpected token'],
    ['an array', '[]', 'body: expected an object, got an array of 0 elements'],
    ['bytes that are not UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'body: expected JSON in UTF-8'],
    ['nothing', '', 'body: expected JSON, got "Unexpected end of JSON input"'],
  ])('is refused as %s', (_name, body, message) => {
    expect(refusal(() => decodeInferRequest(body, {}, model))).toContain(message);
  });

  it.each([
    [{}, 'inputs: expected an array, got nothing'],
    [{ inputs: {} }, 'inputs: expected an array, got an object'],
    [{ inputs: [null] }, 'inputs[0]: expected an object, got null'],
    [{ inputs: [], id: 5 }, 'id: expected a string, got 5'],
    [{ inputs: [{}] }, 'inputs[0].name: expected a string that is not empty, got nothing'],
    [
      oneInput('FP8', [1], [1]),
      'inputs[0].datatype: expected a datatype such as FP32, INT64 or BYTES, got the string "FP8"',
    ],
    [oneInput('FP32', 4, [1]), 'inputs[0].shape: expected an array, got 4'],
    [
      oneInput('FP32', [-1], []),
      'inputs[0].shape[0]: expected a whole number of at least 0, got -1',
    ],
    [
      oneInput('FP32', [1, '2'], []),
      'inputs[0].shape[1]: expected a whole number of at least 0, got the string "2"',
    ],
    [
      oneInput('FP32', new Array(33).fill(1), [1]),
      'inputs[0].shape: expected at most 32 dimensions, got 33',
    ],
    [
      oneInput('FP32', [2 ** 31, 2 ** 31], [1]),
      'inputs[0].shape: expected dimensions whose product is at most 2147483647, got [2147483648,2147483648]',
    ],
    [
      oneInput('FP32', [0, 2 ** 25], []),
      'inputs[0].shape: expected dimensions whose product is at most 16777216, got [0,33554432]',
    ],
    [
      { inputs: [...oneInput('FP32', [1], [1]).inputs, ...oneInput('FP32', [1], [1]).inputs] },
      'inputs[1].name: expected each name once, got "x" again',
    ],
    [oneInput('FP32', [2], undefined), 'inputs[0].data: expected an array, got nothing'],
    [
      oneInput('FP32', [2, 2], [1, 2, 3]),
      'inputs[0].data: expected 4 elements, the product of the shape [2,2], got 3',
    ],
    [
      oneInput('FP32', [2, 2], [[1, 2]]),
      'inputs[0].data: expected 2 elements as the shape [2,2] says, got 1',
    ],
    [
      oneInput('FP32', [2, 2], [[1, 2], [3]]),
      'inputs[0].data[1]: expected 2 elements as the shape [2,2] says, got 1',
    ],
    [oneInput('FP32', [2, 1], [[1], 2]), 'inputs[0].data[1]: expected an array, got 2'],
    [
      oneInput(
        'FP32',
        [1, 2, 2],
        [
          [
            [1, 2],
            [3, [4]],
          ],
        ],
      ),
      'inputs[0].data[0][1][1]: expected a number in the range of FP32, got an array of 1 element',
    ],
    [
      oneInput('UINT8', [1, 2], [[1, 256]]),
      'inputs[0].data[0][1]: expected an integer from 0 to 255, got 256',
    ],
    [
      oneInput('INT32', [1], [1.5]),
      'inputs[0].data[0]: expected an integer from -2147483648 to 2147483647, got 1.5',
    ],
    [
      oneInput('UINT64', [1], [-1]),
      'inputs[0].data[0]: expected an integer in digits (a number or a string) from 0 to 18446744073709551615, got -1',
    ],
    [
      oneInput('INT64', [1], ['9223372036854775808']),
      'inputs[0].data[0]: expected an integer in digits (a number or a string) from -9223372036854775808 to 9223372036854775807, got the string "9223372036854775808"',
    ],
    [
      oneInput('FP32', [1], [1e39]),
      'inputs[0].data[0]: expected a number in the range of FP32, got 1e+39',
    ],
    [oneInput('FP64', [1], ['NaN']), 'inputs[0].data[0]: expected a number in the range of FP64'],
    [oneInput('BOOL', [1], [2]), 'inputs[0].data[0]: expected true or false, got 2'],
    [oneInput('BYTES', [1], [5]), 'inputs[0].data[0]: expected a string of valid Unicode, got 5'],
    [
      oneInput('BYTES', [1], ['\ud800']),
      'inputs[0].data[0]: expected a string of valid Unicode, got the string "\ufffd"',
    ],
    [
      oneInput('FP16', [1], [1]),
      'inputs[0].data: sending FP16 data via JSON is not supported. Please use the binary data format for input "x"',
    ],
  ])('is refused with the path of the field (%#)', (document, message) => {
    expect(refusal(() => decode(document))).toContain(message);
  });
});
