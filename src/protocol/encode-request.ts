import { unlessEmpty } from './encode-response.ts';
import { type EncodedBody, encodeDocument } from './encode-tensor.ts';
import type { InferRequest, Parameters } from './infer.ts';

/**
 * An inference request as a client sends it.
 *
 * @param options.binary whether the inputs go behind the JSON as they are in memory: FP16, NaN and infinities have
 * no other way
 * @throws ServingError INVALID_REQUEST when JSON has no form for a value
 */
export function encodeInferRequest(
  request: InferRequest,
  options: { readonly binary: boolean },
): EncodedBody {
  const parameters: Parameters = request.binaryOutputs
    ? { ...request.parameters, binary_data_output: true }
    : request.parameters;
  const document = {
    id: request.id,
    parameters: unlessEmpty(parameters),
    outputs: request.outputs?.map(({ name, binary, classification }) => ({
      name,
      parameters:
        classification > 0 ? { binary_data: binary, classification } : { binary_data: binary },
    })),
  };
  const inputs = request.inputs.map((tensor) => ({ tensor, binary: options.binary }));
  return encodeDocument(document, 'inputs', inputs);
}
