import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { metricNames, metricsNamespace } from '../../contract/metrics.ts';
import type { Timings } from '../../inference/timings.ts';
import type { ModelEvents } from '../../models/model-events.ts';

/** Structured logs and embedded-format metrics of one function. No payload goes into either. */
export interface Telemetry {
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** The service's name, a dimension of every metric, comes from `POWERTOOLS_SERVICE_NAME`, which the stack sets. */
export function createTelemetry(): Telemetry {
  return { logger: new Logger(), metrics: new Metrics({ namespace: metricsNamespace }) };
}

/**
 * Counts and logs what happens to models in this environment. It may happen when no invocation runs, or after the one
 * that began it has ended, whose metrics are out by then: each of these is written at once, by itself.
 */
export function observeModels({ logger, metrics }: Telemetry): ModelEvents {
  const milliseconds = (name: string, value: number) =>
    metrics.singleMetric().addMetric(name, MetricUnit.Milliseconds, value);
  const count = (name: string) => metrics.singleMetric().addMetric(name, MetricUnit.Count, 1);
  return {
    loaded: ({ pinned, sizeBytes, downloadMs, createMs }) => {
      milliseconds(metricNames.modelLoadMs, downloadMs + createMs);
      milliseconds(metricNames.modelDownloadMs, downloadMs);
      milliseconds(metricNames.modelCreateMs, createMs);
      logger.info('model loaded', { ...pinned, sizeBytes, downloadMs, createMs });
    },
    released: (pinned, departure) => {
      if (departure === 'evicted') {
        count(metricNames.sessionCacheEvictions);
      }
      logger.info('model released', { ...pinned, departure });
    },
    loadFailed: (pinned, reason) => {
      count(metricNames.modelLoadFailures);
      logger.error('model cannot be loaded', { ...pinned, error: reason });
    },
    keptServing: (pinned, reason) => {
      logger.warn('an earlier version goes on serving', { ...pinned, error: reason });
    },
    staleCatalog: (model, reason) => {
      const error = reason instanceof Error ? reason : new Error(String(reason));
      logger.warn('the model repository could not be read anew', { model, error });
    },
  };
}

/** Adds the figures of one inference to the metrics of the invocation. */
export function countInference({ metrics }: Telemetry, hit: boolean, timings: Timings): void {
  metrics.addMetric(
    hit ? metricNames.sessionCacheHits : metricNames.sessionCacheMisses,
    MetricUnit.Count,
    1,
  );
  metrics.addMetric(metricNames.decodeMs, MetricUnit.Milliseconds, timings.decodeMs);
  metrics.addMetric(metricNames.queueMs, MetricUnit.Milliseconds, timings.queueMs);
  metrics.addMetric(metricNames.runMs, MetricUnit.Milliseconds, timings.runMs);
  metrics.addMetric(metricNames.encodeMs, MetricUnit.Milliseconds, timings.encodeMs);
}
