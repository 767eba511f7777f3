import { isRequestXRaySampled } from '@aws-lambda-powertools/commons/utils/env';
import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import type { Metrics } from '@aws-lambda-powertools/metrics';
import middy, { type MiddlewareObj } from '@middy/core';
import type { Telemetry } from '../adapters/telemetry/telemetry.ts';
import type { Recycler } from './recycler.ts';

/**
 * The middleware that every function has: logs that know their invocation, metrics that are written at its end,
 * traces where X-Ray samples it, and the look at the memory when it is over.
 */
export function observed<Event, Result>({ logger, metrics }: Telemetry, recycler: Recycler) {
  return (
    middy<Event, Result>()
      .use({
        before: () => recycler.begin(),
        after: () => recycler.end(),
        onError: () => recycler.end(),
      })
      // Whatever Powertools' variables say: an event holds what callers send.
      .use(injectLambdaContext(logger, { logEvent: false }))
      .use(writeMetrics(metrics))
      .use(traceWhenSampled())
  );
}

/** As the middleware of Powertools, which warns at the end of each invocation that had nothing to measure. */
function writeMetrics(metrics: Metrics): MiddlewareObj {
  const write = () => {
    if (metrics.hasStoredMetrics()) metrics.publishStoredMetrics();
  };
  return {
    before: ({ context }) => metrics.captureColdStartMetric(context.functionName),
    after: write,
    onError: write,
  };
}

/**
 * X-Ray, loaded by the first invocation that is sampled: its SDK takes longer to load than all the rest, and most cold
 * starts are of invocations that nobody samples.
 */
function traceWhenSampled(): MiddlewareObj {
  let tracing: MiddlewareObj | undefined;
  let isFirst = true;
  /** By invocation: others may run at the same time. */
  const sampled = new WeakSet<object>();
  return {
    before: async (request) => {
      const coldStart = isFirst;
      isFirst = false;
      if (!isRequestXRaySampled()) return;
      sampled.add(request);
      tracing ??= (await import('../adapters/telemetry/tracing.ts')).createTracing(coldStart);
      await tracing.before?.(request);
    },
    after: async (request) => {
      if (sampled.has(request)) await tracing?.after?.(request);
    },
    onError: async (request) => {
      if (sampled.has(request)) await tracing?.onError?.(request);
    },
  };
}
