import type { Prediction } from '../../inference/prediction.ts';
import type { ModelReference } from '../../models/reference.ts';
import type { HttpRequest, HttpResponse } from './http.ts';
import { isAnsweredLater } from './prefer.ts';
import type { RouteHandler } from './router.ts';
import { serverTiming } from './server-timing.ts';

/**
 * `POST /v2/models/{model}[/versions/{version}]/predict`: pictures, sound, text and rows, as the model's task takes them.
 *
 * @param later answers a caller that is to be answered later
 */
export function predictRoute(
  prediction: Prediction,
  isColdStart: (request: HttpRequest) => boolean,
  later: RouteHandler,
): RouteHandler {
  return (request, parameters) => {
    if (isAnsweredLater(request)) return later(request, parameters);
    const { model = '', version } = parameters;
    return predict(prediction, { model, version }, request, isColdStart(request));
  };
}

/** Answers a request with the raw thing in its body. */
export async function predict(
  prediction: Prediction,
  reference: ModelReference,
  { body, headers }: HttpRequest,
  coldStart: boolean,
): Promise<HttpResponse> {
  const outcome = await prediction.predict(reference, {
    contentType: headers['content-type'],
    accept: headers['accept'],
    body: typeof body === 'string' ? Buffer.from(body) : body,
  });
  const { contentType, body: answer } = outcome.answer;
  return {
    statusCode: 200,
    headers: { 'content-type': contentType, 'server-timing': serverTiming(outcome, coldStart) },
    body: answer,
  };
}
