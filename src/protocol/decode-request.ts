import { invalidRequest, ServingError } from '../errors.ts';
import { parseBinaryData } from './binary-data.ts';
import { type BinarySection, splitBody } from './body.ts';
import { is64BitInteger, isDatatype } from './datatype.ts';
import {
  describe,
  type JsonObject,
  parseArray,
  parseBoolean,
  parseCount,
  parseName,
  parseObject,
  quote,
} from './fields.ts';
import type { InferRequest, Parameters, RequestedOutput } from './infer.ts';
import { parseJsonData } from './json-data.ts';
import { type JsonDocument, parseJsonDocument } from './json-document.ts';
import { decodeRawRequest } from './raw-request.ts';
import { countElements, parseShape } from './shape.ts';
import type { Datatype, Tensor, TensorMetadata } from './tensor.ts';

/** What the headers of a request say of its body. */
export interface DecodeOptions {
  /** `Inference-Header-Content-Length`: bytes of the JSON before the binary tensors; `0` for a raw tensor alone. */
  readonly inferenceHeaderContentLength?: string | undefined;
}

/**
 * An inference request off the wire: JSON, or JSON followed by binary tensors, or one raw tensor.
 * Binary tensors are views of `body` where their alignment allows, so the body must not be changed or pooled
 * while the request lives.
 *
 * @param inputs what the model takes; needed only for a raw tensor, whose name and datatype are the model's
 * @throws ServingError INVALID_REQUEST whose message begins with the path of the field, and nothing else
 */
export function decodeInferRequest(
  body: Uint8Array | string,
  options: DecodeOptions,
  inputs: readonly TensorMetadata[],
): InferRequest {
  const { json, binary } = splitBody(body, options.inferenceHeaderContentLength);
  if (json === undefined) return decodeRawRequest(binary.rest(), inputs);
  return decodeDocument(parseJsonDocument(json, 'body'), binary);
}

function decodeDocument(document: JsonDocument, binary: BinarySection): InferRequest {
  const root = parseObject(document.root, 'body');
  const parameters = parseParameters(root['parameters'], 'parameters');
  const binaryOutputs = parseFlag(
    parameters['binary_data_output'],
    'parameters.binary_data_output',
  );
  const names = new Set<string>();
  const inputs = parseArray(root['inputs'], 'inputs').map((value, index) => {
    const field = `inputs[${index}]`;
    const input = parseObject(value, field);
    const tensor = decodeTensor(input, field, binary, () => exactData(document, index));
    refuseDuplicate(names, tensor.name, field);
    return tensor;
  });
  binary.end();
  return {
    id: parseId(root['id']),
    parameters,
    inputs,
    outputs: parseRequestedOutputs(root['outputs'], binaryOutputs ?? false),
    binaryOutputs: binaryOutputs ?? false,
  };
}

function decodeTensor(
  input: JsonObject,
  field: string,
  binary: BinarySection,
  exact: () => unknown,
): Tensor {
  const name = parseName(input['name'], `${field}.name`);
  const datatype = parseDatatype(input['datatype'], `${field}.datatype`);
  const shape = parseShape(input['shape'], `${field}.shape`);
  const count = countElements(shape, `${field}.shape`);
  const parameters = parseParameters(input['parameters'], `${field}.parameters`);
  const binaryDataSize = parameters['binary_data_size'];
  if (binaryDataSize === undefined) {
    if (datatype === 'FP16') throw fp16InJson(field, name);
    const value = is64BitInteger(datatype) ? exact() : input['data'];
    const data = parseJsonData(value, datatype, shape, count, `${field}.data`);
    return { name, datatype, shape, data };
  }
  if (input['data'] !== undefined) {
    throw invalidRequest(field, 'either data or parameters.binary_data_size', 'both');
  }
  const sizeField = `${field}.parameters.binary_data_size`;
  const bytes = binary.take(parseCount(binaryDataSize, sizeField), sizeField);
  return { name, datatype, shape, data: parseBinaryData(bytes, datatype, count, sizeField) };
}

/** The words of Triton's own server (http_server.cc). */
function fp16InJson(field: string, name: string): ServingError {
  return new ServingError(
    'INVALID_REQUEST',
    `${field}.data: sending FP16 data via JSON is not supported. Please use the binary data format for input ${quote(name)}`,
  );
}

function exactData(document: JsonDocument, index: number): unknown {
  const root = parseObject(document.exactRoot(), 'body');
  const input = parseObject(parseArray(root['inputs'], 'inputs')[index], `inputs[${index}]`);
  return input['data'];
}

function refuseDuplicate(names: Set<string>, name: string, field: string): void {
  if (names.has(name))
    throw invalidRequest(`${field}.name`, 'each name once', `${quote(name)} again`);
  names.add(name);
}

function parseId(value: unknown): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  throw invalidRequest('id', 'a string', describe(value));
}

function parseDatatype(value: unknown, field: string): Datatype {
  if (typeof value === 'string' && isDatatype(value)) return value;
  throw invalidRequest(field, 'a datatype such as FP32, INT64 or BYTES', describe(value));
}

function parseFlag(value: unknown, field: string): boolean | undefined {
  return value === undefined ? undefined : parseBoolean(value, field);
}

function parseParameters(value: unknown, field: string): Parameters {
  if (value === undefined) return {};
  const parameters = parseObject(value, field);
  for (const [name, parameter] of Object.entries(parameters)) {
    const type = typeof parameter;
    if (type !== 'string' && type !== 'number' && type !== 'boolean') {
      throw invalidRequest(
        `${field}[${quote(name)}]`,
        'a string, a number or a boolean',
        describe(parameter),
      );
    }
  }
  return parameters as Parameters;
}

function parseRequestedOutputs(
  value: unknown,
  binaryByDefault: boolean,
): RequestedOutput[] | undefined {
  if (value === undefined) return undefined;
  const names = new Set<string>();
  const outputs = parseArray(value, 'outputs').map((entry, index) => {
    const field = `outputs[${index}]`;
    const output = parseObject(entry, field);
    const name = parseName(output['name'], `${field}.name`);
    refuseDuplicate(names, name, field);
    const parameters = parseParameters(output['parameters'], `${field}.parameters`);
    const classification = parameters['classification'];
    return {
      name,
      binary:
        parseFlag(parameters['binary_data'], `${field}.parameters.binary_data`) ?? binaryByDefault,
      classification:
        classification === undefined
          ? 0
          : parseCount(classification, `${field}.parameters.classification`),
    };
  });
  // Triton's clients send an empty list for "all outputs".
  return outputs.length === 0 ? undefined : outputs;
}
