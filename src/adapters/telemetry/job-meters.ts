import { MetricUnit } from '@aws-lambda-powertools/metrics';
import type { JobMeters } from '../../batch/ports.ts';
import { metricNames } from '../../contract/metrics.ts';
import type { Telemetry } from './telemetry.ts';

/** What transform jobs come to, in the metrics of the function. */
export function jobMeters({ metrics }: Pick<Telemetry, 'metrics'>): JobMeters {
  return {
    shardDecided: (records, failed) => {
      metrics.addMetric(metricNames.recordsTransformed, MetricUnit.Count, records - failed);
      if (failed > 0) metrics.addMetric(metricNames.recordsFailed, MetricUnit.Count, failed);
    },
    jobCompleted: () => metrics.addMetric(metricNames.jobsCompleted, MetricUnit.Count, 1),
    jobFailed: () => metrics.addMetric(metricNames.jobsFailed, MetricUnit.Count, 1),
  };
}
