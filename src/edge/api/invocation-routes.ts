import { isName } from '../../contract/names.ts';
import { invalidRequest, ServingError } from '../../errors.ts';
import type { Codec, Inference } from '../../inference/inference.ts';
import type { Prediction } from '../../inference/prediction.ts';
import type { EncodedBody } from '../../protocol/encode-tensor.ts';
import { quote } from '../../protocol/fields.ts';
import { decodeInvocation, type OpenInvocation } from '../../protocol/formats/invocation.ts';
import { parseMediaType } from '../../protocol/formats/media-type.ts';
import { isAudio } from '../../tasks/wire/request.ts';
import { authoriseModel } from './authorization.ts';
import type { HttpRequest } from './http.ts';
import { emptyResponse } from './http.ts';
import { predict } from './predict-route.ts';
import type { RouteHandler } from './router.ts';
import { serverTiming } from './server-timing.ts';

/** SageMaker's way to name one of many models. */
const targetModelHeader = 'x-amzn-sagemaker-target-model';

export interface InvocationOptions {
  readonly inference: Inference;
  readonly prediction: Prediction;
  readonly isColdStart: (request: HttpRequest) => boolean;
  /** What `/invocations` calls when no header names a model; undefined for none. */
  readonly defaultModel: string | undefined;
}

/**
 * `POST /models/{model}/invocations` and SageMaker's own `POST /invocations`: JSON, JSON lines, CSV, NumPy arrays and
 * raw tensors, answered in the caller's own format or the one that `Accept` asks for; for a model with a task its pictures,
 * sound, text and rows. `?version=` names a version.
 */
export function invocationRoute(options: InvocationOptions): RouteHandler {
  return async (request, { model }) => {
    const reference = {
      model: model ?? targetModel(request, options.defaultModel),
      version: request.query.get('version') ?? undefined,
    };
    authoriseModel(request, reference.model);
    if (isRaw(request) && (await options.prediction.hasTask(reference.model))) {
      return predict(options.prediction, reference, request, options.isColdStart(request));
    }
    const outcome = await options.inference.infer(reference, invocationCodec(request));
    const { body, headers } = outcome.answer;
    return {
      statusCode: 200,
      headers: { ...headers, 'server-timing': serverTiming(outcome, options.isColdStart(request)) },
      body,
    };
  };
}

/** Whether a body may be what a task takes, and not tensors: those have content types of their own. */
function isRaw({ headers }: HttpRequest): boolean {
  const { name } = parseMediaType(headers['content-type'] ?? 'application/json');
  return /^(?:image|text)\//.test(name) || isAudio(name) || name === 'application/json';
}

/** SageMaker's `GET /ping`: 200 once the default model, if there is one, can answer. */
export function pingRoute(prediction: Prediction, defaultModel: string | undefined): RouteHandler {
  return async () => {
    if (defaultModel !== undefined) {
      await prediction.load({ model: defaultModel, version: undefined });
    }
    return emptyResponse(200);
  };
}

function targetModel({ headers }: HttpRequest, defaultModel: string | undefined): string {
  const target = headers[targetModelHeader];
  if (target !== undefined) {
    if (isName(target)) return target;
    throw invalidRequest(targetModelHeader, 'the name of a model', quote(target));
  }
  if (defaultModel !== undefined) return defaultModel;
  throw new ServingError(
    'NOT_FOUND',
    `no default model is set: call /models/{model}/invocations, or name one in the header ${targetModelHeader}`,
  );
}

function invocationCodec({ body, headers }: HttpRequest): Codec<EncodedBody> {
  let invocation: OpenInvocation | undefined;
  return {
    decode: async (inputs) => {
      invocation = await decodeInvocation(
        body,
        {
          contentType: headers['content-type'],
          accept: headers['accept'],
          inferenceHeaderContentLength: headers['inference-header-content-length'],
        },
        inputs,
      );
      return invocation.request;
    },
    encode: ({ response, labels }) => {
      if (invocation === undefined) throw new Error('a response is encoded after its request');
      return invocation.encode(response, labels);
    },
  };
}
