import type { Codec, Inference } from '../../inference/inference.ts';
import { decodeInferRequest } from '../../protocol/decode-request.ts';
import { encodeInferResponse } from '../../protocol/encode-response.ts';
import type { EncodedBody } from '../../protocol/encode-tensor.ts';
import type { HttpRequest } from './http.ts';
import type { RouteHandler } from './router.ts';
import { serverTiming } from './server-timing.ts';

/** `POST /v2/models/{model}[/versions/{version}]/infer`. */
export function inferRoute(inference: Inference, isColdStart: () => boolean): RouteHandler {
  return async (request, { model = '', version }) => {
    const outcome = await inference.infer({ model, version }, openInferenceCodec(request));
    const { body, headers } = outcome.answer;
    return {
      statusCode: 200,
      headers: { ...headers, 'server-timing': serverTiming(outcome, isColdStart()) },
      body,
    };
  };
}

/** The Open Inference Protocol over this request's body, JSON or with binary tensors. */
function openInferenceCodec({ body, headers }: HttpRequest): Codec<EncodedBody> {
  return {
    decode: (inputs) =>
      decodeInferRequest(
        body,
        { inferenceHeaderContentLength: headers['inference-header-content-length'] },
        inputs,
      ),
    encode: ({ request, response, labels }) =>
      encodeInferResponse(response, request.outputs, {
        binaryOutputs: request.binaryOutputs,
        labels,
      }),
  };
}
