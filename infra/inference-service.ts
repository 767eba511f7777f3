import { Duration, Stack, Token } from 'aws-cdk-lib';
import type { Metric, MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import { LambdaDeploymentConfig } from 'aws-cdk-lib/aws-codedeploy';
import { EventBus, type IEventBus } from 'aws-cdk-lib/aws-events';
import type { IGrantable } from 'aws-cdk-lib/aws-iam';
import { Alias } from 'aws-cdk-lib/aws-lambda';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { jobsResultPrefix, modelPrefix } from '../src/contract/keys.ts';
import { defaultMaxReceiveCount, visibilityTimeoutFactor } from '../src/contract/limits.ts';
import { metricNames } from '../src/contract/metrics.ts';
import { ConfigurationError } from './configuration-error.ts';
import { Canary } from './constructs/canary.ts';
import { Endpoint } from './constructs/endpoint.ts';
import {
  grantExecute,
  grantReadObjects,
  grantReleaseClaims,
  grantWriteObjects,
} from './constructs/grants.ts';
import type { InferenceFunction } from './constructs/inference-function.ts';
import { MonthlyBudget } from './constructs/monthly-budget.ts';
import { ServiceAlarms } from './constructs/service-alarms.ts';
import { ServiceDashboard } from './constructs/service-dashboard.ts';
import { ServiceMetrics } from './constructs/service-metrics.ts';
import { WorkQueue } from './constructs/work-queue.ts';
import { EndpointAccess } from './endpoint-access.ts';
import type { InferenceServiceProps } from './inference-service-props.ts';
import { as, present } from './optional.ts';
import { snapStartProblems, visibilityProblems } from './resource-checks.ts';
import { createFunctions } from './service-functions.ts';
import { grantPermissions } from './service-permissions.ts';
import { createState } from './service-state.ts';
import { connectTriggers } from './service-triggers.ts';
import { settingsOf, settingsProblems } from './settings.ts';
import { modelNamesProblems } from './value-checks.ts';

/**
 * Models in a bucket, served over HTTPS and applied to uploads:
 *
 *     HTTPS ──> Endpoint ──> Api ──> Models
 *     upload ─> Jobs ─> PlanQueue ─> Plan ─> ShardQueue ─> Transform ─> Results
 */
export class InferenceService extends Construct {
  readonly models: IBucket;
  readonly jobs: IBucket;
  readonly results: IBucket;
  readonly eventBus: IEventBus;
  readonly planQueue: WorkQueue;
  readonly shardQueue: WorkQueue;
  readonly api: InferenceFunction;
  readonly plan: InferenceFunction;
  readonly transform: InferenceFunction;
  readonly endpoint: Endpoint;
  readonly metrics: ServiceMetrics;

  /** @throws ConfigurationError that says, a sentence each, what in the props cannot work and what to do */
  constructor(scope: Construct, id: string, props: InferenceServiceProps = {}) {
    super(scope, id);
    const settings = settingsOf(props);
    const problems = settingsProblems(props, settings, regionOf(this));
    if (problems.length > 0) throw new ConfigurationError(problems);
    const access = props.access ?? EndpointAccess.iam();

    const state = createState(this, props);
    this.models = state.models;
    this.jobs = state.jobs;
    this.results = state.results;
    this.eventBus = props.eventBus ?? as<IEventBus>(new EventBus(this, 'Events'));
    this.planQueue = this.#queue('PlanQueue', settings.planTimeout, props);
    this.shardQueue = this.#queue('ShardQueue', settings.transformTimeout, props);

    const functions = createFunctions(this, { ...this.#parts(), props, settings, access });
    this.api = functions.api;
    this.plan = functions.plan;
    this.transform = functions.transform;
    grantPermissions({ ...this.#parts(), ...functions });
    connectTriggers({ ...this.#parts(), ...functions, props });

    const invoked = settings.compute.bind(this.api);
    this.endpoint = new Endpoint(this, 'Endpoint', {
      handler: invoked,
      access,
      throttlingRateLimit: props.throttlingRateLimit ?? 500,
      throttlingBurstLimit: props.throttlingBurstLimit ?? 1000,
      corsOrigins: props.corsOrigins ?? [],
      domainName: props.domainName,
      logRetention: props.logRetention ?? RetentionDays.ONE_MONTH,
    });

    this.metrics = new ServiceMetrics({ endpoint: this.endpoint, ...functions });
    const alarms = this.#operate(props);
    if (invoked instanceof Alias) {
      new Canary(this, 'Canary', {
        alias: invoked,
        alarms: alarms.rollback,
        deploymentConfig:
          props.deploymentConfig ?? LambdaDeploymentConfig.CANARY_10PERCENT_5MINUTES,
      });
    }
    this.node.addValidation({ validate: () => this.#resourceProblems() });
  }

  /** Requests that reached the endpoint. */
  metricRequests(options?: MetricOptions): Metric {
    return this.metrics.requests(options);
  }

  /** Answers of 500 and above. */
  metricServerErrors(options?: MetricOptions): Metric {
    return this.metrics.serverErrors(options);
  }

  /** From the gateway's point of view (ms). @param percentile e.g. 99 */
  metricLatency(percentile: number, options?: MetricOptions): Metric {
    return this.metrics.latency(percentile, options);
  }

  /** Records of transform jobs that became predictions. */
  metricRecordsTransformed(options?: MetricOptions): Metric {
    return this.metrics.own(this.transform, metricNames.recordsTransformed, options);
  }

  /** Records of transform jobs that are named in errors files. */
  metricRecordsFailed(options?: MetricOptions): Metric {
    return this.metrics.own(this.transform, metricNames.recordsFailed, options);
  }

  /**
   * Lets a caller send requests that it signs with its AWS credentials.
   * @param options.models whose paths alone are meant, and those of their later answers. @default every path, jobs and
   *   statistics too
   * @throws ConfigurationError when the endpoint does not ask for IAM credentials, or something is no model's name
   */
  grantInvoke(grantee: IGrantable, options: { readonly models?: readonly string[] } = {}): void {
    if (!this.endpoint.access.byPolicy) {
      throw new ConfigurationError([
        `${this.node.path}: grantInvoke gives IAM permissions, and this endpoint does not ask for IAM credentials: let callers in by its own access, or choose EndpointAccess.iam().`,
      ]);
    }
    this.#requireNames('grantInvoke', options.models);
    grantExecute(grantee, this.endpoint.arns(options.models));
  }

  /**
   * Lets somebody publish models, or only those named: write their files, and read what is there.
   * @throws ConfigurationError when something is no model's name
   */
  grantPublishModels(
    grantee: IGrantable,
    options: { readonly models?: readonly string[] } = {},
  ): void {
    this.#requireNames('grantPublishModels', options.models);
    const prefixes = options.models?.map(modelPrefix) ?? [''];
    for (const prefix of prefixes) {
      grantReadObjects(grantee, this.models, prefix);
      grantWriteObjects(grantee, this.models, prefix);
      grantReleaseClaims(grantee, this.models, prefix);
    }
  }

  /** Lets somebody submit transform jobs by upload, bring what jobs refer to, and read what became of them. */
  grantSubmitJobs(grantee: IGrantable): void {
    grantWriteObjects(grantee, this.jobs);
    grantReadObjects(grantee, this.results, jobsResultPrefix);
  }

  #requireNames(grant: string, models: readonly string[] | undefined): void {
    const problems = modelNamesProblems(`${this.node.path}: models of ${grant}`, models);
    if (problems.length > 0) throw new ConfigurationError(problems);
  }

  #queue(id: string, workerTimeout: Duration, props: InferenceServiceProps): WorkQueue {
    return new WorkQueue(this, id, {
      visibilityTimeout: Duration.seconds(visibilityTimeoutFactor * workerTimeout.toSeconds()),
      maxReceiveCount: props.maxReceiveCount ?? defaultMaxReceiveCount,
      encryptionKey: props.encryptionKey,
    });
  }

  #parts() {
    const { models, jobs, results, eventBus, planQueue, shardQueue } = this;
    return { models, jobs, results, eventBus, planQueue, shardQueue };
  }

  #operate(props: InferenceServiceProps): ServiceAlarms {
    const { endpoint, api, plan, transform, metrics, planQueue, shardQueue } = this;
    const parts = { endpoint, api, plan, transform, metrics, planQueue, shardQueue };
    const runbookUrl = props.runbookUrl ?? 'docs/runbook.md';
    if (props.dashboard !== false)
      new ServiceDashboard(this, 'Dashboard', { ...parts, runbookUrl });
    if (props.monthlyBudgetDollars !== undefined && props.budgetEmail !== undefined) {
      const { monthlyBudgetDollars: dollars, budgetEmail: email } = props;
      new MonthlyBudget(this, 'Budget', { dollars, email });
    }
    return new ServiceAlarms(this, 'Alarms', {
      ...parts,
      ...present({ topic: props.alarmTopic }),
      runbookUrl,
      latencyThreshold: props.latencyAlarmThreshold ?? Duration.seconds(5),
      dailyCostDollars: props.dailyCostAlarmDollars ?? 10,
    });
  }

  #resourceProblems(): string[] {
    return [
      ...visibilityProblems(this.planQueue, this.plan),
      ...visibilityProblems(this.shardQueue, this.transform),
      ...snapStartProblems(this.api),
    ];
  }
}

/** The region, when the stack is bound to one. */
function regionOf(scope: Construct): string | undefined {
  const { region } = Stack.of(scope);
  return Token.isUnresolved(region) ? undefined : region;
}
