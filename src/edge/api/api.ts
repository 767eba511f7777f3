import { lambdaPayloadBytes } from '../../contract/limits.ts';
import { ServingError, toServingError } from '../../errors.ts';
import type { Inference } from '../../inference/inference.ts';
import type { Prediction } from '../../inference/prediction.ts';
import type { InferenceStatistics } from '../../inference/statistics.ts';
import type { ModelAdministration, ModelProvider } from '../../models/provider.ts';
import { authoriseEveryModel, authoriseModel } from './authorization.ts';
import { withContentCoding } from './content-coding.ts';
import { inTime } from './deadline.ts';
import { errorResponse } from './error-response.ts';
import type { Api, HttpRequest, HttpResponse } from './http.ts';
import { inferRoute } from './infer-route.ts';
import { invocationRoute, pingRoute } from './invocation-routes.ts';
import {
  modelConfigRoute,
  modelMetadataRoute,
  modelReadyRoute,
  statisticsRoute,
} from './model-routes.ts';
import { predictRoute } from './predict-route.ts';
import { loadRoute, repositoryIndexRoute, unloadRoute } from './repository-routes.ts';
import { createRouter, type RouteHandler, type RouteParameters, type Routes } from './router.ts';
import { liveRoute, openApiRoute, readyRoute, serverMetadataRoute } from './server-routes.ts';

export interface ApiOptions {
  /** Version of the software, as `GET /v2` tells it. */
  readonly version: string;
  readonly provider: ModelProvider & ModelAdministration;
  readonly inference: Inference;
  readonly prediction: Prediction;
  readonly statistics: InferenceStatistics;
  /** Routes of the jobs API. */
  readonly jobs: Routes;
  /** Answers a request of the infer route with where its answer will be. */
  readonly inferLater: RouteHandler;
  /** The same for the predict route. */
  readonly predictLater: RouteHandler;
  /** What `/invocations` calls; undefined for none. */
  readonly defaultModel: string | undefined;
  /** Whether a call is the environment's first. */
  readonly isColdStart: (request: HttpRequest) => boolean;
  /** Hears of failures that are the service's own: their cause is logged, never sent. */
  readonly onFailure: (request: HttpRequest, thrown: unknown) => void;
}

/**
 * The HTTP surface as one function from request to response; it never throws. Every response tells the request's id
 * (`x-request-id`), which the logs of a failure have too.
 */
export function createApi(options: ApiOptions): Api {
  const route = createRouter(routesOf(options));
  const answer = withContentCoding(async (request) => route(request, {}));
  return async (request) => {
    const response = await answerOrError(request);
    return { ...response, headers: { ...response.headers, 'x-request-id': request.requestId } };
  };

  async function answerOrError(request: HttpRequest): Promise<HttpResponse> {
    try {
      const response = await inTime(answer(request), request.remainingMs);
      refuseTooLarge(response);
      return response;
    } catch (thrown) {
      const error = toServingError(thrown);
      if (error.statusCode >= 500) options.onFailure(request, thrown);
      return errorResponse(error);
    }
  }
}

/** Every route of the surface. */
export function routesOf(options: ApiOptions): Routes {
  const { provider, inference, prediction, statistics, defaultModel, isColdStart } = options;
  const stats = statisticsRoute(provider, prediction, statistics);
  const invocation = invocationRoute(options);
  return {
    'GET /v2': serverMetadataRoute(options.version),
    'GET /v2/health/live': liveRoute,
    'GET /v2/health/ready': readyRoute,
    'GET /ping': pingRoute(prediction, defaultModel),
    'POST /invocations': invocation,
    ...forModels({
      'GET /v2/models/{model}': modelMetadataRoute(provider, prediction),
      'GET /v2/models/{model}/ready': modelReadyRoute(prediction),
      'GET /v2/models/{model}/config': modelConfigRoute(provider, prediction),
      'GET /v2/models/{model}/stats': stats,
      'POST /v2/models/{model}/infer': inferRoute(inference, isColdStart, options.inferLater),
      'POST /v2/models/{model}/predict': predictRoute(
        prediction,
        isColdStart,
        options.predictLater,
      ),
    }),
    ...guarded(authoriseNamedModel, {
      'POST /models/{model}/invocations': invocation,
      'POST /v2/repository/models/{model}/load': loadRoute(provider, prediction),
      'POST /v2/repository/models/{model}/unload': unloadRoute(provider, provider),
    }),
    ...guarded(authoriseEveryModel, {
      'GET /v2/models/stats': stats,
      'GET /openapi.json': openApiRoute(provider, prediction, options.version),
      'POST /v2/repository/index': repositoryIndexRoute(provider),
      ...options.jobs,
    }),
  };
}

const modelPath = '/v2/models/{model}';

/** Routes of a model, each also for one version of it. */
function forModels(routes: Routes): Routes {
  const versioned = Object.entries(routes).map(([route, handler]): [string, RouteHandler] => [
    route.replace(modelPath, `${modelPath}/versions/{version}`),
    handler,
  ]);
  return guarded(authoriseNamedModel, { ...routes, ...Object.fromEntries(versioned) });
}

type Guard = (request: HttpRequest, parameters: RouteParameters) => void;

const authoriseNamedModel: Guard = (request, { model = '' }) => authoriseModel(request, model);

function guarded(guard: Guard, routes: Routes): Routes {
  const entries = Object.entries(routes).map(([route, handler]): [string, RouteHandler] => [
    route,
    (request, parameters) => {
      guard(request, parameters);
      return handler(request, parameters);
    },
  ]);
  return Object.fromEntries(entries);
}

/** Room that the response's own envelope takes of Lambda's payload: status, headers, quotes. */
const envelopeBytes = 16 * 1024;

/** Lambda drops a response that is over its limit, and the caller gets a 502 that explains nothing. */
function refuseTooLarge({ body }: HttpResponse): void {
  const limitBytes = lambdaPayloadBytes - envelopeBytes;
  // Text travels as a JSON string: each of its quotes takes two bytes. Only a long one is worth the exact count.
  if (typeof body === 'string' && body.length <= limitBytes / 6) return;
  const sizeBytes =
    typeof body === 'string'
      ? Buffer.byteLength(JSON.stringify(body))
      : Math.ceil(body.byteLength / 3) * 4;
  if (sizeBytes <= limitBytes) return;
  throw new ServingError(
    'PAYLOAD_TOO_LARGE',
    `response: expected at most ${limitBytes} bytes as Lambda carries it, got ${sizeBytes}; ask for fewer outputs, ` +
      'for binary ones (parameters.binary_data_output), for a compressed response, or use a transform job',
  );
}
