import { invalidRequest } from '../errors.ts';
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

function decodeRawTensor(bytes: Uint8Array, input: TensorMetadata): Tensor {
  const { name, datatype } = input;
  const shape =
    datatype === 'BYTES'
      ? oneElement(input)
      : deduceShape(input, bytes.byteLength / elementBytes[datatype], 'body');
  const count = countElements(shape, 'body');
  return { name, datatype, shape, data: parseBinaryData(bytes, datatype, count, 'body') };
}

/** Elements of BYTES cannot be counted without reading them, so that only one may come raw. */
function oneElement({ shape }: TensorMetadata): readonly number[] {
  const dimensions = shape.map((dimension) => (dimension === -1 ? 1 : dimension));
  if (countElements(dimensions, 'body') === 1) return dimensions;
  throw invalidRequest('body', 'a model that takes one element of BYTES', formatShape(shape));
}

/**
 * The shape of an input from its number of elements: one dimension that varies is deduced, and a first dimension
 * that varies beside another is 1, for a body without a shape is one row.
 *
 * @throws ServingError INVALID_REQUEST
 */
export function deduceShape(
  input: TensorMetadata,
  elements: number,
  field: string,
): readonly number[] {
  const variable = input.shape.filter((dimension) => dimension === -1).length;
  const known =
    variable === 2 && input.shape[0] === -1 ? [1, ...input.shape.slice(1)] : input.shape;
  const place = known.indexOf(-1);
  if (place !== known.lastIndexOf(-1)) {
    throw invalidRequest(
      field,
      `a shape, for more than one dimension of ${formatShape(input.shape)} varies`,
      'none',
    );
  }
  if (place < 0) return known;
  const fixed = countElements(known.with(place, 1), field);
  const length = fixed === 0 ? 0 : elements / fixed;
  if (Number.isInteger(length)) return known.with(place, length);
  throw invalidRequest(
    field,
    `a multiple of ${fixed} elements of ${input.datatype} for the shape ${formatShape(input.shape)}`,
    `${elements}`,
  );
}
