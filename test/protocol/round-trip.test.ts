import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { datatypes } from '../../src/protocol/datatype.ts';
import { decodeInferRequest } from '../../src/protocol/decode-request.ts';
import { decodeInferResponse } from '../../src/protocol/decode-response.ts';
import { encodeInferRequest } from '../../src/protocol/encode-request.ts';
import { encodeInferResponse } from '../../src/protocol/encode-response.ts';
import type { EncodedBody } from '../../src/protocol/encode-tensor.ts';
import type { InferRequest } from '../../src/protocol/infer.ts';
import type { Tensor } from '../../src/protocol/tensor.ts';
import { bitsOf, tensors } from './arbitraries.ts';

function requestOf(inputs: readonly Tensor[]): InferRequest {
  return { id: undefined, parameters: {}, inputs, outputs: undefined, binaryOutputs: false };
}

function headersOf({ headers }: EncodedBody) {
  return { inferenceHeaderContentLength: headers['inference-header-content-length'] };
}

function expectSame(decoded: readonly Tensor[], sent: readonly Tensor[]): void {
  const outline = ({ name, datatype, shape }: Tensor) => ({ name, datatype, shape });
  expect(decoded.map(outline)).toEqual(sent.map(outline));
  expect(decoded.map(bitsOf)).toEqual(sent.map(bitsOf));
}

describe.each(datatypes)('%s', (datatype) => {
  it('keeps every bit through a binary request and response', () => {
    const several = fc.tuple(
      tensors(datatype, 'binary', 'a'),
      tensors('BOOL', 'binary', 'b'),
      tensors(datatype, 'binary', 'c'),
    );
    fc.assert(
      fc.property(several, (sent) => {
        const request = encodeInferRequest(requestOf(sent), { binary: true });
        const { inputs } = decodeInferRequest(request.body, headersOf(request), []);
        expectSame(inputs, sent);
        const response = encodeInferResponse(
          { modelName: 'm', modelVersion: '1', id: 'i', parameters: {}, outputs: inputs },
          undefined,
          { binaryOutputs: true },
        );
        expectSame(decodeInferResponse(response.body, headersOf(response)).outputs, sent);
      }),
      { seed: 1, numRuns: 60 },
    );
  });

  if (datatype === 'FP16') {
    it('has no form in JSON', () => {
      const tensor: Tensor = { name: 'x', datatype, shape: [1], data: Uint16Array.of(0x3c00) };
      expect(() => encodeInferRequest(requestOf([tensor]), { binary: false })).toThrow(
        'sending FP16 data via JSON is not supported',
      );
    });
    return;
  }

  it('keeps every bit through a JSON request and response', () => {
    fc.assert(
      fc.property(tensors(datatype, 'json'), (sent) => {
        const { body } = encodeInferRequest(requestOf([sent]), { binary: false });
        const { inputs } = decodeInferRequest(body, {}, []);
        expectSame(inputs, [sent]);
        const response = encodeInferResponse(
          { modelName: 'm', modelVersion: '', id: undefined, parameters: {}, outputs: inputs },
          undefined,
          { binaryOutputs: false },
        );
        expectSame(decodeInferResponse(response.body, {}).outputs, [sent]);
      }),
      { seed: 2, numRuns: 100 },
    );
  });
});

describe('a response', () => {
  it('mixes JSON and binary outputs as the request says', () => {
    const outputs: readonly Tensor[] = [
      { name: 'a', datatype: 'FP32', shape: [1], data: Float32Array.of(0.1) },
      { name: 'b', datatype: 'BYTES', shape: [2], data: ['x', 'é'] },
      {
        name: 'c',
        datatype: 'INT64',
        shape: [2],
        data: BigInt64Array.of(2n ** 53n - 1n, 2n ** 53n),
      },
    ];
    const encoded = encodeInferResponse(
      { modelName: 'm', modelVersion: '2', id: '7', parameters: {}, outputs },
      [
        { name: 'a', binary: false, classification: 0 },
        { name: 'b', binary: true, classification: 0 },
      ],
      { binaryOutputs: false },
    );
    const headerBytes = Number(encoded.headers['inference-header-content-length']);
    const bytes = Buffer.from(encoded.body);
    expect(headerBytes % 8).toBe(0);
    expect(bytes.toString('utf8', 0, headerBytes).trimEnd()).toBe(
      '{"model_name":"m","model_version":"2","id":"7","outputs":[' +
        '{"name":"a","datatype":"FP32","shape":[1],"data":[0.1]},' +
        '{"name":"b","datatype":"BYTES","shape":[2],"parameters":{"binary_data_size":11}},' +
        '{"name":"c","datatype":"INT64","shape":[2],"data":[9007199254740991,"9007199254740992"]}]}',
    );
    expect(encoded.headers['content-type']).toBe('application/octet-stream');
    expectSame(decodeInferResponse(encoded.body, headersOf(encoded)).outputs, outputs);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])(
    'refuses %d in JSON and says what to do',
    (value) => {
      const output: Tensor = {
        name: 'y',
        datatype: 'FP64',
        shape: [2],
        data: Float64Array.of(1, value),
      };
      const response = {
        modelName: 'm',
        modelVersion: '',
        id: undefined,
        parameters: {},
        outputs: [output],
      };
      expect(() => encodeInferResponse(response, undefined, { binaryOutputs: false })).toThrow(
        `output "y": element 1 is ${value}, which JSON cannot carry; ask for binary data (parameters.binary_data_output)`,
      );
    },
  );
});
