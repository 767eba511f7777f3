import { toServingError } from '../../errors.ts';
import type { Inference } from '../../inference/inference.ts';
import type { InferenceStatistics } from '../../inference/statistics.ts';
import type { ModelProvider } from '../../models/provider.ts';
import { errorResponse } from './error-response.ts';
import type { HttpRequest, HttpResponse } from './http.ts';
import { inferRoute } from './infer-route.ts';
import { modelMetadataRoute, modelReadyRoute, statisticsRoute } from './model-routes.ts';
import { createRouter, type Routes } from './router.ts';
import { liveRoute, readyRoute, serverMetadataRoute } from './server-routes.ts';

export interface ApiOptions {
  /** Version of the software, as `GET /v2` tells it. */
  readonly version: string;
  readonly provider: ModelProvider;
  readonly inference: Inference;
  readonly statistics: InferenceStatistics;
  /** Whether the call that is asked about is the environment's first. */
  readonly isColdStart: () => boolean;
  /** Hears of failures that are the service's own: their cause is logged, never sent. */
  readonly onFailure: (request: HttpRequest, thrown: unknown) => void;
}

export type Api = (request: HttpRequest) => Promise<HttpResponse>;

/** The HTTP surface as one function from request to response; it never throws. */
export function createApi(options: ApiOptions): Api {
  const route = createRouter(routesOf(options));
  return async (request) => {
    try {
      return await route(request, {});
    } catch (thrown) {
      const error = toServingError(thrown);
      if (error.statusCode >= 500) options.onFailure(request, thrown);
      return errorResponse(error);
    }
  };
}

function routesOf(options: ApiOptions): Routes {
  const { provider, inference, statistics } = options;
  const metadata = modelMetadataRoute(provider);
  const ready = modelReadyRoute(provider);
  const infer = inferRoute(inference, options.isColdStart);
  const stats = statisticsRoute(provider, statistics);
  return {
    'GET /v2': serverMetadataRoute(options.version),
    'GET /v2/health/live': liveRoute,
    'GET /v2/health/ready': readyRoute,
    'GET /v2/models/stats': stats,
    'GET /v2/models/{model}': metadata,
    'GET /v2/models/{model}/ready': ready,
    'GET /v2/models/{model}/stats': stats,
    'POST /v2/models/{model}/infer': infer,
    'GET /v2/models/{model}/versions/{version}': metadata,
    'GET /v2/models/{model}/versions/{version}/ready': ready,
    'GET /v2/models/{model}/versions/{version}/stats': stats,
    'POST /v2/models/{model}/versions/{version}/infer': infer,
  };
}
