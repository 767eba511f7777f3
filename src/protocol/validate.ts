import { invalidRequest, ServingError } from '../errors.ts';
import { quote } from './fields.ts';
import type { RequestedOutput } from './infer.ts';
import { formatShape } from './shape.ts';
import type { Tensor, TensorMetadata } from './tensor.ts';

/**
 * Holds a request's inputs against what a model takes: each input of the model once and no other, of its datatype
 * and rank, with its fixed dimensions. A dimension of -1 takes any length, and zero too: an empty tensor is a value
 * that models use (a cache of past keys with no past), and `countElements` bounds what can be made of it.
 *
 * @throws ServingError INVALID_REQUEST that names the input by its place and says what the model takes
 */
export function validateInputs(
  inputs: readonly Tensor[],
  metadata: readonly TensorMetadata[],
): void {
  const seen = new Set<string>();
  for (const [index, input] of inputs.entries()) {
    const field = `inputs[${index}]`;
    // Nearly all callers keep the model's order, which spares models with hundreds of inputs a search for each.
    const there = metadata[index];
    const expected =
      there?.name === input.name ? there : metadata.find(({ name }) => name === input.name);
    if (expected === undefined) {
      throw invalidRequest(`${field}.name`, oneOf(metadata), quote(input.name));
    }
    if (seen.has(input.name)) {
      throw invalidRequest(`${field}.name`, 'each name once', `${quote(input.name)} again`);
    }
    seen.add(input.name);
    validateTensor(input, expected, field);
  }
  const missing = metadata.filter(({ name }) => !seen.has(name));
  if (missing.length > 0) {
    throw new ServingError(
      'INVALID_REQUEST',
      `inputs: expected ${listTensors(metadata)}; ${listNames(missing)} ${missing.length === 1 ? 'is' : 'are'} missing`,
    );
  }
}

function validateTensor(input: Tensor, expected: TensorMetadata, field: string): void {
  if (input.datatype !== expected.datatype) {
    throw invalidRequest(
      `${field}.datatype`,
      `${expected.datatype} for input ${quote(input.name)}`,
      input.datatype,
    );
  }
  if (input.shape.length !== expected.shape.length) {
    throw invalidRequest(
      `${field}.shape`,
      `${expected.shape.length} dimensions ${formatShape(expected.shape)} for input ${quote(input.name)}`,
      `${input.shape.length} ${formatShape(input.shape)}`,
    );
  }
  for (const [axis, dimension] of expected.shape.entries()) {
    if (dimension === -1 || dimension === input.shape[axis]) continue;
    throw invalidRequest(
      `${field}.shape[${axis}]`,
      `${dimension} as in ${formatShape(expected.shape)} for input ${quote(input.name)}`,
      `${input.shape[axis]}`,
    );
  }
}

/** @throws ServingError INVALID_REQUEST when a requested output is not one of the model's */
export function validateRequestedOutputs(
  requested: readonly RequestedOutput[] | undefined,
  metadata: readonly TensorMetadata[],
): void {
  for (const [index, { name }] of requested?.entries() ?? []) {
    if (metadata.some((output) => output.name === name)) continue;
    throw invalidRequest(`outputs[${index}].name`, oneOf(metadata), quote(name));
  }
}

/** Tensors that a message lists; models with hundreds of inputs exist. */
const listed = 16;

function oneOf(metadata: readonly TensorMetadata[]): string {
  return metadata.length === 1 ? listTensors(metadata) : `one of ${listTensors(metadata)}`;
}

/** `"a" FP32 [-1,16], "b" INT64 []` */
export function listTensors(metadata: readonly TensorMetadata[]): string {
  return list(
    metadata,
    ({ name, datatype, shape }) => `${quote(name)} ${datatype} ${formatShape(shape)}`,
  );
}

function listNames(metadata: readonly TensorMetadata[]): string {
  return list(metadata, ({ name }) => quote(name));
}

function list(
  metadata: readonly TensorMetadata[],
  text: (tensor: TensorMetadata) => string,
): string {
  const shown = metadata.slice(0, listed).map(text).join(', ');
  return metadata.length > listed ? `${shown} and ${metadata.length - listed} more` : shown;
}
