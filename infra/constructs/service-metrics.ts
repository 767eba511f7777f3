import { Duration } from 'aws-cdk-lib';
import {
  type IMetric,
  MathExpression,
  Metric,
  type MetricOptions,
  Stats,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { metricNames, metricsNamespace, serviceDimension } from '../../src/contract/metrics.ts';
import { as } from '../optional.ts';
import { dollarsPerGiBSecond, dollarsPerMillionRequests } from '../prices.ts';
import type { Endpoint } from './endpoint.ts';
import type { InferenceFunction } from './inference-function.ts';

export interface ServiceParts {
  readonly endpoint: Endpoint;
  readonly api: InferenceFunction;
  readonly plan: InferenceFunction;
  readonly transform: InferenceFunction;
}

/** What there is to see of a service, under the names that its alarms and its dashboard use. */
export class ServiceMetrics {
  readonly #parts: ServiceParts;

  constructor(parts: ServiceParts) {
    this.#parts = parts;
  }

  requests(options?: MetricOptions): Metric {
    return this.#parts.endpoint.api.metricCount({ statistic: Stats.SUM, ...options });
  }

  /** @param percentile e.g. 99 */
  latency(percentile: number, options?: MetricOptions): Metric {
    return this.#parts.endpoint.api.metricLatency({ statistic: Stats.p(percentile), ...options });
  }

  clientErrors(options?: MetricOptions): Metric {
    return this.#parts.endpoint.api.metricClientError({ statistic: Stats.SUM, ...options });
  }

  serverErrors(options?: MetricOptions): Metric {
    return this.#parts.endpoint.api.metricServerError({ statistic: Stats.SUM, ...options });
  }

  /** Answers of 500 and above, in percent of all. */
  serverErrorPercent(period: Duration): IMetric {
    return new MathExpression({
      label: 'server errors, %',
      expression: '100 * errors / MAX([requests, 1])',
      usingMetrics: {
        errors: as<IMetric>(this.serverErrors({ period })),
        requests: as<IMetric>(this.requests({ period })),
      },
      period,
    });
  }

  modelLoadFailures(period: Duration): IMetric {
    return this.#sum('models that failed to load', metricNames.modelLoadFailures, period);
  }

  /** Records named in errors files, in percent of all that were worked on. */
  failedRecordPercent(period: Duration): IMetric {
    return new MathExpression({
      label: 'failed records, %',
      expression: '100 * failed / MAX([failed + done, 1])',
      usingMetrics: {
        failed: as<IMetric>(this.own(this.#parts.transform, metricNames.recordsFailed, { period })),
        done: as<IMetric>(
          this.own(this.#parts.transform, metricNames.recordsTransformed, { period }),
        ),
      },
      period,
    });
  }

  /** Age of the oldest message that no worker has taken yet (s). */
  oldestMessageAge(queue: IQueue, options?: MetricOptions): Metric {
    return queue.metricApproximateAgeOfOldestMessage({ statistic: Stats.MAXIMUM, ...options });
  }

  deadLetters(queue: IQueue, options?: MetricOptions): Metric {
    return queue.metricApproximateNumberOfMessagesVisible({
      statistic: Stats.MAXIMUM,
      ...options,
    });
  }

  /** What the three functions cost in a day, in dollars of us-east-1: time by memory, and requests. */
  dollarsPerDay(): IMetric {
    const period = Duration.days(1);
    const usingMetrics: Record<string, IMetric> = {};
    const terms: string[] = [];
    for (const name of ['api', 'plan', 'transform'] as const) {
      const target = this.#parts[name];
      const gib = target.memorySize.toMebibytes() / 1024;
      const perMs = (gib * dollarsPerGiBSecond(target.architecture)) / 1000;
      usingMetrics[`${name}Ms`] = as<IMetric>(
        target.function.metricDuration({ statistic: Stats.SUM, period }),
      );
      usingMetrics[`${name}Calls`] = as<IMetric>(
        target.function.metricInvocations({ statistic: Stats.SUM, period }),
      );
      terms.push(
        `FILL(${name}Ms, 0) * ${perMs.toFixed(15)}`,
        `FILL(${name}Calls, 0) * ${(dollarsPerMillionRequests / 1e6).toFixed(10)}`,
      );
    }
    return new MathExpression({
      label: 'Lambda, $ a day',
      expression: terms.join(' + '),
      usingMetrics,
      period,
    });
  }

  /** A metric that one of the functions writes itself. */
  own(target: InferenceFunction, metricName: string, options?: MetricOptions): Metric {
    return new Metric({
      namespace: metricsNamespace,
      metricName,
      dimensionsMap: { [serviceDimension]: target.serviceName },
      statistic: Stats.SUM,
      ...options,
    });
  }

  #sum(label: string, metricName: string, period: Duration): IMetric {
    const { api, transform } = this.#parts;
    return new MathExpression({
      label,
      expression: 'FILL(api, 0) + FILL(transform, 0)',
      usingMetrics: {
        api: as<IMetric>(this.own(api, metricName, { period })),
        transform: as<IMetric>(this.own(transform, metricName, { period })),
      },
      period,
    });
  }
}
