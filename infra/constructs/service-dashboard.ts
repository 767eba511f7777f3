import { Duration } from 'aws-cdk-lib';
import {
  Dashboard,
  GraphWidget,
  type IMetric,
  type IWidget,
  Stats,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import { metricNames } from '../../src/contract/metrics.ts';
import { as } from '../optional.ts';
import type { InferenceFunction } from './inference-function.ts';
import type { ServiceMetrics, ServiceParts } from './service-metrics.ts';
import type { WorkQueue } from './work-queue.ts';

export interface ServiceDashboardProps extends ServiceParts {
  readonly metrics: ServiceMetrics;
  readonly planQueue: WorkQueue;
  readonly shardQueue: WorkQueue;
  readonly runbookUrl: string;
}

/** The service at a glance: the front door, the models, the batch path, what it costs. */
export class ServiceDashboard extends Construct {
  readonly dashboard: Dashboard;

  constructor(scope: Construct, id: string, props: ServiceDashboardProps) {
    super(scope, id);
    this.dashboard = new Dashboard(this, 'Dashboard', {
      defaultInterval: Duration.days(1),
      widgets: [
        [title('Requests', props.runbookUrl)],
        besideEachOther(requestWidgets(props)),
        [title('Models', props.runbookUrl)],
        besideEachOther(modelWidgets(props)),
        [title('Transform jobs', props.runbookUrl)],
        besideEachOther(batchWidgets(props)),
      ],
    });
  }
}

function title(text: string, runbookUrl: string): IWidget {
  return new TextWidget({ markdown: `## ${text}\nRunbook: ${runbookUrl}`, width: 24, height: 2 });
}

interface Graph {
  readonly title: string;
  readonly left: IMetric[];
}

function graph(title: string, left: IMetric[]): Graph {
  return { title, left };
}

/** A dashboard is 24 columns wide. */
function besideEachOther(graphs: readonly Graph[]): IWidget[] {
  return graphs.map((each) => new GraphWidget({ ...each, width: 24 / graphs.length, height: 6 }));
}

function requestWidgets({ metrics, api }: ServiceDashboardProps): Graph[] {
  return [
    graph('Requests and errors', [
      as<IMetric>(metrics.requests()),
      as<IMetric>(metrics.clientErrors()),
      as<IMetric>(metrics.serverErrors()),
    ]),
    graph(
      'Latency, ms',
      [50, 90, 99].map((percentile) => as<IMetric>(metrics.latency(percentile))),
    ),
    graph(
      'Where the time goes, ms (p50)',
      [metricNames.decodeMs, metricNames.queueMs, metricNames.runMs, metricNames.encodeMs].map(
        (name) => as<IMetric>(metrics.own(api, name, { statistic: Stats.p(50) })),
      ),
    ),
    graph('Environments', [
      as<IMetric>(api.function.metric('ConcurrentExecutions', { statistic: Stats.MAXIMUM })),
      as<IMetric>(metrics.own(api, metricNames.coldStarts)),
      as<IMetric>(api.function.metricThrottles()),
    ]),
  ];
}

function modelWidgets({ metrics, api, transform }: ServiceDashboardProps): Graph[] {
  const both = (name: string, statistic: string) =>
    [api, transform].map((target: InferenceFunction) =>
      as<IMetric>(metrics.own(target, name, { statistic })),
    );
  return [
    graph('Session cache of the api function', [
      as<IMetric>(metrics.own(api, metricNames.sessionCacheHits)),
      as<IMetric>(metrics.own(api, metricNames.sessionCacheMisses)),
      as<IMetric>(metrics.own(api, metricNames.sessionCacheEvictions)),
    ]),
    graph('Loading, ms (p90), and failures', [
      ...both(metricNames.modelLoadMs, Stats.p(90)),
      ...both(metricNames.modelDownloadMs, Stats.p(90)),
      ...both(metricNames.modelCreateMs, Stats.p(90)),
      ...both(metricNames.modelLoadFailures, Stats.SUM),
    ]),
    graph('One run, ms (p50, p99)', [
      ...both(metricNames.runMs, Stats.p(50)),
      ...both(metricNames.runMs, Stats.p(99)),
    ]),
  ];
}

function batchWidgets(props: ServiceDashboardProps): Graph[] {
  const { metrics, transform, planQueue, shardQueue } = props;
  return [
    graph(
      'Records and jobs',
      [
        metricNames.recordsTransformed,
        metricNames.recordsFailed,
        metricNames.jobsCompleted,
        metricNames.jobsFailed,
      ].map((name) => as<IMetric>(metrics.own(transform, name))),
    ),
    graph('Waiting, and given up', [
      ...[planQueue, shardQueue].map((queue) =>
        as<IMetric>(queue.metricApproximateNumberOfMessagesVisible()),
      ),
      ...[planQueue, shardQueue].map((queue) =>
        as<IMetric>(metrics.deadLetters(queue.deadLetters)),
      ),
    ]),
    graph('Lambda, $ a day', [metrics.dollarsPerDay()]),
  ];
}
