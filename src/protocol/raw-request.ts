import { invalidRequest, ServingError } from '../errors.ts';
import { parseBinaryData } from './binary-data.ts';
import { elementBytes } from './datatype.ts';
import type { InferRequest } from './infer.ts';
import { countElements, formatShape } from './shape.ts';
import type { Tensor, TensorMetadata } from './tensor.ts';

/**
 * A body that is one tensor and nothing else: the model says the name, the datatype and all dimensions but one.
 * All outputs are answered in binary (binary tensor data extension, "Raw Binary Request").
 *
 * @throws ServingError INVALID_REQUEST when the model or the size does not allow it
 */
export function decodeRawRequest(
  bytes: Uint8Array,
  inputs: readonly TensorMetadata[],
): InferRequest {
  return {
    id: undefined,
    parameters: {},
    inputs: [decodeRawTensor(bytes, soleInput(inputs))],
    outputs: undefined,
    binaryOutputs: true,
  };
}

/** The only input of a model. @throws ServingError INVALID_REQUEST when it has more */
export function soleInput(inputs: readonly TensorMetadata[]): TensorMetadata {
  const [input] = inputs;
  if (input !== undefined && inputs.length === 1) return input;
  throw invalidRequest(
    'body',
    'a model with exactly one input for a body without names',
    `a model with ${inputs.length} inputs`,
  );
}

/** @throws ServingError INVALID_REQUEST */
export function decodeRawTensor(bytes: Uint8Array, input: TensorMetadata): Tensor {
  const { name, datatype } = input;
  if (datatype === 'BYTES') {
    const shape = input.shape.map((dimension) => (dimension === -1 ? 1 : dimension));
    if (countElements(shape, 'body') !== 1) {
      throw invalidRequest(
        'body',
        'a model whose input is one element of BYTES',
        formatShape(shape),
      );
    }
    return { name, datatype, shape, data: parseBinaryData(bytes, datatype, 1, 'body') };
  }
  const shape = deduceShape(input, bytes.byteLength / elementBytes[datatype]);
  const count = countElements(shape, 'body');
  return { name, datatype, shape, data: parseBinaryData(bytes, datatype, count, 'body') };
}

/** Fills in the one dimension that varies, from the number of elements that came. */
function deduceShape(input: TensorMetadata, elements: number): number[] {
  const variable = input.shape.filter((dimension) => dimension === -1).length;
  if (variable > 1) {
    // Triton treats a raw request as one row of a model that batches: the first dimension is then 1.
    const [first, ...others] = input.shape;
    if (first === -1 && variable === 2) {
      return [1, ...deduceShape({ ...input, shape: others }, elements)];
    }
    throw invalidRequest(
      'body',
      'an input with at most one dimension that varies',
      formatShape(input.shape),
    );
  }
  if (variable === 0) return [...input.shape];
  const fixed = input.shape.reduce(
    (product, dimension) => (dimension === -1 ? product : product * dimension),
    1,
  );
  const deduced = fixed === 0 ? 0 : elements / fixed;
  if (!Number.isInteger(deduced)) {
    throw new ServingError(
      'INVALID_REQUEST',
      `body: expected a whole number of rows of ${formatShape(input.shape)} ${input.datatype}, got ${elements} elements`,
    );
  }
  return input.shape.map((dimension) => (dimension === -1 ? deduced : dimension));
}
