import { describe, expect, it } from 'vitest';
import type { Datatype, Tensor, TensorMetadata } from '../../src/protocol/tensor.ts';
import { validateInputs, validateRequestedOutputs } from '../../src/protocol/validate.ts';

const model: readonly TensorMetadata[] = [
  { name: 'image', datatype: 'FP32', shape: [-1, 3, 2] },
  { name: 'rate', datatype: 'INT64', shape: [] },
];

function tensor(name: string, datatype: Datatype, shape: readonly number[]): Tensor {
  return { name, datatype, shape, data: new Float32Array(0) };
}

const rate = tensor('rate', 'INT64', []);

describe('the inputs of a request', () => {
  it('may come in any order and with any length where the model has -1, zero too', () => {
    validateInputs([rate, tensor('image', 'FP32', [5, 3, 2])], model);
    validateInputs([tensor('image', 'FP32', [0, 3, 2]), rate], model);
  });

  it.each([
    [[rate], 'inputs: expected "image" FP32 [-1,3,2], "rate" INT64 []; "image" is missing'],
    [[], 'inputs: expected "image" FP32 [-1,3,2], "rate" INT64 []; "image", "rate" are missing'],
    [
      [tensor('Image', 'FP32', [1, 3, 2])],
      'inputs[0].name: expected one of "image" FP32 [-1,3,2], "rate" INT64 [], got "Image"',
    ],
    [[rate, rate], 'inputs[1].name: expected each name once, got "rate" again'],
    [
      [rate, tensor('image', 'FP64', [1, 3, 2])],
      'inputs[1].datatype: expected FP32 for input "image", got FP64',
    ],
    [
      [tensor('image', 'FP32', [3, 2])],
      'inputs[0].shape: expected 3 dimensions [-1,3,2] for input "image", got 2 [3,2]',
    ],
    [
      [tensor('image', 'FP32', [1, 2, 2])],
      'inputs[0].shape[1]: expected 3 as in [-1,3,2] for input "image", got 2',
    ],
  ])('are refused with what the model takes (%#)', (inputs, message) => {
    expect(() => validateInputs(inputs, model)).toThrow(message);
  });

  it('are listed in part when a model has hundreds', () => {
    const many = Array.from({ length: 100 }, (_, index) => ({
      name: `f${index}`,
      datatype: 'FP32' as const,
      shape: [-1, 1],
    }));
    expect(() => validateInputs([], many)).toThrow('"f15" and 84 more are missing');
  });
});

describe('the outputs that a request names', () => {
  it('must be the model’s', () => {
    const wanted = (name: string) => [{ name, binary: false, classification: 0 }];
    validateRequestedOutputs(undefined, model);
    validateRequestedOutputs(wanted('rate'), model);
    expect(() => validateRequestedOutputs(wanted('x'), model)).toThrow(
      'outputs[0].name: expected one of "image" FP32 [-1,3,2], "rate" INT64 [], got "x"',
    );
  });
});
