import { classify } from './classification.ts';
import { type EncodedBody, encodeDocument } from './encode-tensor.ts';
import type { InferResponse, Parameters, RequestedOutput } from './infer.ts';

export interface EncodeOptions {
  /** Whether outputs that were not requested by name are sent in binary. */
  readonly binaryOutputs: boolean;
  /** Labels of the classes, for the classification extension. @default none */
  readonly labels?: readonly string[] | undefined;
}

/**
 * An inference response as the caller asked for it: JSON, or JSON with binary tensors behind it.
 *
 * @param requested the request's `outputs`; undefined for all, with the default of `binaryOutputs`
 * @throws ServingError INVALID_REQUEST when JSON has no form for a value: the message says to ask for binary
 */
export function encodeInferResponse(
  response: InferResponse,
  requested: readonly RequestedOutput[] | undefined,
  options: EncodeOptions,
): EncodedBody {
  const wishes = new Map(requested?.map((output) => [output.name, output]));
  const outputs = response.outputs.map((output) => {
    const wish = wishes.get(output.name);
    return {
      tensor: classify(output, wish?.classification ?? 0, options.labels ?? []),
      binary: wish?.binary ?? options.binaryOutputs,
    };
  });
  const document = {
    model_name: response.modelName,
    model_version: response.modelVersion === '' ? undefined : response.modelVersion,
    id: response.id,
    parameters: unlessEmpty(response.parameters),
  };
  return encodeDocument(document, 'outputs', outputs);
}

/** Parameters as a document has them: left out when there are none. */
export function unlessEmpty(parameters: Parameters): Parameters | undefined {
  return Object.keys(parameters).length === 0 ? undefined : parameters;
}
