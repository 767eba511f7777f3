import { invalidRequest } from '../../errors.ts';
import { splitBody } from '../body.ts';
import { is64BitInteger } from '../datatype.ts';
import { decodeRequestDocument } from '../decode-request.ts';
import { encodeInferResponse } from '../encode-response.ts';
import type { EncodedBody } from '../encode-tensor.ts';
import { describe, isObject, type JsonObject, parseArray, parseObject, quote } from '../fields.ts';
import { type JsonDocument, parseJsonDocument } from '../json-document.ts';
import { soleInput } from '../raw-request.ts';
import type { Tensor, TensorMetadata } from '../tensor.ts';
import {
  type Answer,
  type BodyFormat,
  bareRequest,
  type DecodeContext,
  type Invocation,
} from './format.ts';
import { ownValue, tensorsOfInstances } from './instances.ts';
import { tensorOfValue } from './json-value.ts';
import { toNestedJson } from './nested-text.ts';
import { commonRows, rowTexts } from './rows.ts';

/**
 * JSON in the forms that model servers have made common:
 * - `{"inputs": [{"name": ...}]}`, a request of the Open Inference Protocol, answered as such
 * - `{"instances": [row, ...]}`, answered `{"predictions": [row, ...]}`
 * - `{"inputs": value or {name: value}}`, answered `{"outputs": value or {name: value}}`
 * - `[...]`, the value of a model's only input, answered `{"predictions": ...}`
 */
export const jsonFormat: BodyFormat = {
  mediaTypes: ['application/json'],
  decode: decodeJson,
  encode: encodeJson,
};

function decodeJson(body: Uint8Array | string, context: DecodeContext): Invocation {
  const { json, binary } = splitBody(body, context.inferenceHeaderContentLength);
  const document = parseJsonDocument(json ?? '', 'body');
  if (isOpenInference(document.root)) {
    const request = decodeRequestDocument(document, binary);
    return { request, layout: 'open-inference', withHeader: false };
  }
  binary.end();
  const { inputs } = context;
  if (Array.isArray(document.root)) {
    if (isObject(document.root[0])) {
      return decodeInstances(document, inputs, (root) => root, 'body');
    }
    const tensor = tensorOf(document, soleInput(inputs), (root) => root, 'body');
    return answeredBy('rows', [tensor]);
  }
  const root = parseObject(document.root, 'body');
  if (root['instances'] !== undefined) {
    const instancesOf = (value: unknown) => parseObject(value, 'body')['instances'];
    return decodeInstances(document, inputs, instancesOf, 'instances');
  }
  if (root['inputs'] === undefined) {
    throw invalidRequest('body', 'an object with "inputs" or "instances"', describeKeys(root));
  }
  return answeredBy('columns', decodeColumns(document, inputs));
}

function answeredBy(layout: 'rows' | 'columns', inputs: readonly Tensor[]): Invocation {
  return { request: bareRequest(inputs), layout, withHeader: false };
}

function describeKeys(root: JsonObject): string {
  const keys = Object.keys(root).slice(0, 8).map(quote);
  return keys.length === 0 ? 'an empty object' : `an object with ${keys.join(', ')}`;
}

function isOpenInference(root: unknown): boolean {
  const inputs = isObject(root) ? root['inputs'] : undefined;
  return Array.isArray(inputs) && isObject(inputs[0]);
}

function decodeInstances(
  document: JsonDocument,
  inputs: readonly TensorMetadata[],
  pick: (root: unknown) => unknown,
  field: string,
): Invocation {
  const rowsOf = (root: unknown) => parseArray(pick(root), field);
  const instances = {
    rows: rowsOf(document.root),
    exactRows: () => rowsOf(document.exactRoot()),
  };
  return answeredBy('rows', tensorsOfInstances(instances, inputs, field));
}

function decodeColumns(
  document: JsonDocument,
  inputs: readonly TensorMetadata[],
): readonly Tensor[] {
  const columns = (root: unknown) => parseObject(root, 'body')['inputs'];
  const named = columns(document.root);
  if (!isObject(named)) {
    return [tensorOf(document, soleInput(inputs), columns, 'inputs')];
  }
  return inputs.map((input) => {
    const field = `inputs.${input.name}`;
    const pick = (root: unknown) => {
      const value = ownValue(parseObject(columns(root), 'inputs'), input.name);
      if (value === undefined) throw invalidRequest(field, 'a value', describe(value));
      return value;
    };
    return tensorOf(document, input, pick, field);
  });
}

function tensorOf(
  document: JsonDocument,
  input: TensorMetadata,
  pick: (root: unknown) => unknown,
  field: string,
): Tensor {
  const root = is64BitInteger(input.datatype) ? document.exactRoot() : document.root;
  return tensorOfValue(pick(root), input, field);
}

function encodeJson({ response, invocation, labels }: Answer): EncodedBody {
  const { outputs } = response;
  const { request, layout } = invocation;
  if (layout === 'open-inference') {
    const { binaryOutputs } = request;
    return encodeInferResponse(response, request.outputs, { binaryOutputs, labels });
  }
  const body =
    layout === 'rows' && commonRows(outputs) !== undefined
      ? `{"predictions":[${rowTexts(outputs).join(',')}]}`
      : `{"outputs":${columnsText(outputs)}}`;
  return { body, headers: { 'content-type': 'application/json' } };
}

function columnsText(outputs: readonly Tensor[]): string {
  const [sole] = outputs;
  if (sole !== undefined && outputs.length === 1) return toNestedJson(sole);
  const members = outputs.map((output) => `${JSON.stringify(output.name)}:${toNestedJson(output)}`);
  return `{${members.join(',')}}`;
}
