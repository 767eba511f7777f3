import { type BinarySection, splitBody } from './body.ts';
import { decodeTensors, refuseDuplicate } from './decode-tensor.ts';
import {
  isAbsent,
  parseArray,
  parseCount,
  parseName,
  parseObject,
  parseOptionalString,
} from './fields.ts';
import type { InferRequest, RequestedOutput } from './infer.ts';
import { type JsonDocument, parseJsonDocument } from './json-document.ts';
import { flagOf, parseRequestParameters, parseTensorParameters } from './parameters.ts';
import { decodeRawRequest } from './raw-request.ts';
import type { TensorMetadata } from './tensor.ts';

/** What the headers say of a body. */
export interface DecodeOptions {
  /** `Inference-Header-Content-Length`: bytes of JSON before the binary tensors; `0` for one raw tensor alone. */
  readonly inferenceHeaderContentLength?: string | undefined;
  /** Of JSON. @default 8 MiB, what a call may have */
  readonly maximumTextBytes?: number;
}

/**
 * An inference request off the wire: JSON, or JSON followed by binary tensors, or one raw tensor.
 *
 * Binary tensors whose place in the body is a multiple of their element's size are views that share the body's
 * memory, the others are copies: the body must not be changed or pooled while the request lives.
 * Keys that the protocol does not know are passed over.
 *
 * @param inputs what the model takes; used only for a raw tensor, whose name and datatype are the model's
 * @throws ServingError INVALID_REQUEST whose message begins with the path of the field, and nothing else
 */
export function decodeInferRequest(
  body: Uint8Array | string,
  options: DecodeOptions,
  inputs: readonly TensorMetadata[],
): InferRequest {
  const { json, binary } = splitBody(
    body,
    options.inferenceHeaderContentLength,
    options.maximumTextBytes,
  );
  if (json === undefined) return decodeRawRequest(binary.rest(), inputs);
  return decodeRequestDocument(parseJsonDocument(json, 'body'), binary);
}

/** As `decodeInferRequest`, from a text that is parsed already. */
export function decodeRequestDocument(document: JsonDocument, binary: BinarySection): InferRequest {
  const root = parseObject(document.root, 'body');
  const id = parseOptionalString(root['id'], 'id');
  const parameters = parseRequestParameters(root['parameters']);
  const binaryOutputs = flagOf(parameters, 'binary_data_output', 'parameters') ?? false;
  const outputs = parseRequestedOutputs(root['outputs'], binaryOutputs);
  const inputs = decodeTensors(document, 'inputs', binary);
  return { id, parameters, inputs, outputs, binaryOutputs };
}

function parseRequestedOutputs(
  value: unknown,
  binaryByDefault: boolean,
): readonly RequestedOutput[] | undefined {
  if (isAbsent(value)) return undefined;
  const names = new Set<string>();
  const outputs = parseArray(value, 'outputs').map((entry, index) => {
    const field = `outputs[${index}]`;
    const output = parseObject(entry, field);
    const name = parseName(output['name'], `${field}.name`);
    refuseDuplicate(names, name, field);
    const parametersField = `${field}.parameters`;
    const parameters = parseTensorParameters(output['parameters'], parametersField);
    return {
      name,
      binary: flagOf(parameters, 'binary_data', parametersField) ?? binaryByDefault,
      classification: parseCount(
        parameters['classification'] ?? 0,
        `${parametersField}.classification`,
      ),
    };
  });
  // Clients send an empty list when they mean all outputs.
  return outputs.length === 0 ? undefined : outputs;
}
