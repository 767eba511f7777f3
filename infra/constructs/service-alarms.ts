import { Duration } from 'aws-cdk-lib';
import {
  Alarm,
  ComparisonOperator,
  type IAlarm,
  type IMetric,
  Stats,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { as } from '../optional.ts';
import type { ServiceMetrics, ServiceParts } from './service-metrics.ts';
import type { WorkQueue } from './work-queue.ts';

export interface ServiceAlarmsProps extends ServiceParts {
  readonly metrics: ServiceMetrics;
  readonly planQueue: WorkQueue;
  readonly shardQueue: WorkQueue;
  /** @default nowhere: alarms only show */
  readonly topic?: ITopic | undefined;
  /** Where the articles are: an alarm links to `<runbookUrl>#<its article>`. */
  readonly runbookUrl: string;
  readonly latencyThreshold: Duration;
  readonly dailyCostDollars: number;
}

interface AlarmSpec {
  readonly metric: IMetric;
  /** Alarm at or above it. */
  readonly threshold: number;
  /** Periods that must be bad, of how many. @default one of one */
  readonly periods?: readonly [bad: number, of: number];
  /** Heading of its article in the runbook, as a link names it. */
  readonly article: string;
  readonly says: string;
}

const fiveMinutes = Duration.minutes(5);

/** What should wake somebody, each with the article that says what to do about it. */
export class ServiceAlarms extends Construct {
  readonly #props: ServiceAlarmsProps;
  /** Those that a canary deployment watches: new code made the front door worse. */
  readonly rollback: readonly IAlarm[];

  constructor(scope: Construct, id: string, props: ServiceAlarmsProps) {
    super(scope, id);
    this.#props = props;
    this.rollback = this.#addFrontDoor();
    this.#addBatch();
    this.#addService();
  }

  #addFrontDoor(): IAlarm[] {
    const { metrics, api, latencyThreshold } = this.#props;
    return [
      this.#add('ServerErrors', {
        metric: metrics.serverErrorPercent(fiveMinutes),
        threshold: 1,
        periods: [2, 3],
        article: 'server-errors',
        says: 'More than 1 % of requests are answered with a status of 500 or above',
      }),
      this.#add('Latency', {
        metric: as<IMetric>(metrics.latency(99, { period: fiveMinutes })),
        threshold: latencyThreshold.toMilliseconds(),
        periods: [3, 3],
        article: 'latency',
        says: `One request in a hundred takes longer than ${latencyThreshold.toMilliseconds()} ms`,
      }),
      this.#add('ApiErrors', {
        metric: as<IMetric>(api.function.metricErrors({ period: fiveMinutes })),
        threshold: 5,
        article: 'function-errors',
        says: 'The api function crashes or times out',
      }),
    ];
  }

  #addBatch(): void {
    const { metrics, plan, transform, planQueue, shardQueue } = this.#props;
    for (const [name, target] of Object.entries({ Plan: plan, Transform: transform })) {
      this.#add(`${name}Errors`, {
        metric: as<IMetric>(target.function.metricErrors({ period: fiveMinutes })),
        threshold: 1,
        periods: [3, 3],
        article: 'function-errors',
        says: `The ${name.toLowerCase()} function keeps crashing or timing out`,
      });
    }
    for (const [name, queue] of Object.entries({ Plan: planQueue, Shard: shardQueue })) {
      this.#add(`${name}DeadLetters`, {
        metric: as<IMetric>(metrics.deadLetters(queue.deadLetters, { period: fiveMinutes })),
        threshold: 1,
        article: 'dead-letters',
        says: `Messages of the ${name.toLowerCase()} queue were given up`,
      });
      this.#add(`${name}QueueAge`, {
        metric: as<IMetric>(metrics.oldestMessageAge(queue, { period: fiveMinutes })),
        threshold: Duration.hours(2).toSeconds(),
        periods: [3, 3],
        article: 'oldest-message',
        says: `The oldest message of the ${name.toLowerCase()} queue has waited for two hours`,
      });
    }
    this.#add('FailedRecords', {
      metric: metrics.failedRecordPercent(Duration.minutes(15)),
      threshold: 5,
      article: 'failed-records',
      says: 'More than 5 % of the records of transform jobs fail',
    });
  }

  #addService(): void {
    const { metrics, api, transform, dailyCostDollars } = this.#props;
    for (const [name, target] of Object.entries({ Api: api, Transform: transform })) {
      this.#add(`${name}Throttles`, {
        metric: as<IMetric>(
          target.function.metricThrottles({ statistic: Stats.SUM, period: fiveMinutes }),
        ),
        threshold: 1,
        periods: [2, 3],
        article: 'throttles',
        says: `Lambda refuses calls of the ${name.toLowerCase()} function`,
      });
    }
    this.#add('ModelLoadFailures', {
      metric: metrics.modelLoadFailures(fiveMinutes),
      threshold: 1,
      article: 'model-load-failures',
      says: 'A model cannot be loaded',
    });
    this.#add('DailyCost', {
      metric: metrics.dollarsPerDay(),
      threshold: dailyCostDollars,
      article: 'daily-cost',
      says: `Lambda costs more than ${dailyCostDollars} dollars a day`,
    });
  }

  #add(id: string, spec: AlarmSpec): IAlarm {
    const [bad, of] = spec.periods ?? [1, 1];
    const alarm = new Alarm(this, id, {
      metric: spec.metric,
      threshold: spec.threshold,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      datapointsToAlarm: bad,
      evaluationPeriods: of,
      treatMissingData: TreatMissingData.NOT_BREACHING,
      alarmDescription: `${spec.says}. What to do: ${this.#props.runbookUrl}#${spec.article}`,
    });
    if (this.#props.topic !== undefined) alarm.addAlarmAction(new SnsAction(this.#props.topic));
    return as<IAlarm>(alarm);
  }
}
