import type { Codec, Inference } from '../../inference/inference.ts';
import { decodeInferRequest } from '../../protocol/decode-request.ts';
import { encodeInferResponse } from '../../protocol/encode-response.ts';
import type { EncodedBody } from '../../protocol/encode-tensor.ts';
import type { HttpRequest } from './http.ts';
import { isAnsweredLater } from './prefer.ts';
import type { RouteHandler } from './router.ts';
import { serverTiming } from './server-timing.ts';

/**
 * `POST /v2/models/{model}[/versions/{version}]/infer`.
 *
 * @param later answers a caller that is to be answered later
 */
export function inferRoute(
  inference: Inference,
  isColdStart: (request: HttpRequest) => boolean,
  later: RouteHandler,
): RouteHandler {
  return async (request, parameters) => {
    if (isAnsweredLater(request)) return later(request, parameters);
    const { model = '', version } = parameters;
    const outcome = await inference.infer({ model, version }, openInferenceCodec(request));
    // The run is over, and an answer of the protocol is text or bytes that were copied: nothing shares the body's memory. Of
    // a call that failed, or that is answered later, that is not as plain: theirs is left to the garbage collector.
    request.releaseBody?.();
    const { body, headers } = outcome.answer;
    return {
      statusCode: 200,
      headers: { ...headers, 'server-timing': serverTiming(outcome, isColdStart(request)) },
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
