import { splitBody } from './body.ts';
import type { DecodeOptions } from './decode-request.ts';
import { decodeTensors } from './decode-tensor.ts';
import { parseName, parseObject, parseOptionalString } from './fields.ts';
import type { InferResponse } from './infer.ts';
import { parseJsonDocument } from './json-document.ts';
import { parseParameters } from './parameters.ts';

/**
 * An inference response off the wire, for clients. Shares memory with `body` as `decodeInferRequest` does.
 *
 * @throws ServingError INVALID_REQUEST whose message begins with the path of the field
 */
export function decodeInferResponse(
  body: Uint8Array | string,
  options: DecodeOptions,
): InferResponse {
  const { json, binary } = splitBody(body, options.inferenceHeaderContentLength);
  const document = parseJsonDocument(json ?? '', 'body');
  const root = parseObject(document.root, 'body');
  return {
    modelName: parseName(root['model_name'], 'model_name'),
    modelVersion: parseOptionalString(root['model_version'], 'model_version') ?? '',
    id: parseOptionalString(root['id'], 'id'),
    parameters: parseParameters(root['parameters'], 'parameters'),
    outputs: decodeTensors(document, 'outputs', binary),
  };
}
