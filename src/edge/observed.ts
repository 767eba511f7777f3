import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import middy, { type MiddlewareObj } from '@middy/core';
import type { Telemetry } from '../adapters/telemetry/telemetry.ts';
import type { Recycler } from './recycler.ts';

/**
 * The middleware that every function has: logs that know their invocation, metrics that are written at its end,
 * traces where X-Ray samples it, and the look at the memory when it is over.
 */
export function observed<Event, Result>({ logger, metrics }: Telemetry, recycler: Recycler) {
  return middy<Event, Result>()
    .use({ after: () => recycler.check(), onError: () => recycler.check() })
    .use(injectLambdaContext(logger))
    .use(logMetrics(metrics, { captureColdStartMetric: true }))
    .use(traceWhenSampled());
}

/**
 * X-Ray, loaded by the first invocation that is sampled: its SDK takes longer to load than all the rest, and most cold
 * starts are of invocations that nobody samples.
 */
function traceWhenSampled(): MiddlewareObj {
  let tracing: MiddlewareObj | undefined;
  let sampled = false;
  return {
    before: async (request) => {
      sampled = /\bSampled=1\b/.test(process.env['_X_AMZN_TRACE_ID'] ?? '');
      if (!sampled) return;
      tracing ??= (await import('../adapters/telemetry/tracing.ts')).createTracing();
      await tracing.before?.(request);
    },
    after: async (request) => {
      if (sampled) await tracing?.after?.(request);
    },
    onError: async (request) => {
      if (sampled) await tracing?.onError?.(request);
    },
  };
}
