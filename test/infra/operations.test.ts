import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Duration } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import { LambdaDeploymentConfig } from 'aws-cdk-lib/aws-codedeploy';
import { Architecture } from 'aws-cdk-lib/aws-lambda';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../infra/paths.ts';
import { dollarsPerGiBSecond, dollarsPerMillionRequests, pricesDate } from '../../infra/prices.ts';
import { metricNames, metricsNamespace } from '../../src/contract/metrics.ts';
import { resourceOf, resourcesOf, synthesise } from './support.ts';

const { template, service } = synthesise();
const alarms = resourcesOf(template, 'AWS::CloudWatch::Alarm');

/** Headings of the runbook as links name them. */
const articles = new Set(
  readFileSync(join(packageRoot, 'docs', 'runbook.md'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('#'))
    .map((line) => line.replace(/^#+ /, '').toLowerCase().replaceAll(' ', '-')),
);

describe('alarms', () => {
  it('are those that somebody should hear of', () => {
    expect(
      Object.keys(alarms).map((id) =>
        id.replace('InferenceAlarms', '').replace(/[0-9A-F]{8}$/, ''),
      ),
    ).toEqual([
      'ServerErrors',
      'Latency',
      'ApiErrors',
      'PlanErrors',
      'TransformErrors',
      'PlanDeadLetters',
      'PlanQueueAge',
      'ShardDeadLetters',
      'ShardQueueAge',
      'FailedRecords',
      'ApiThrottles',
      'TransformThrottles',
      'ModelLoadFailures',
      'DailyCost',
    ]);
  });

  it('each link to an article that is in the runbook', () => {
    for (const { Properties } of Object.values(alarms)) {
      const description = String(Properties['AlarmDescription']);
      const [, article] = /What to do: docs\/runbook\.md#([a-z-]+)$/.exec(description) ?? [];
      expect(articles, description).toContain(article);
    }
  });

  it('link to where the runbook is published', () => {
    const { template: elsewhere } = synthesise({ runbookUrl: 'https://wiki.example/pilotlight' });
    for (const { Properties } of Object.values(resourcesOf(elsewhere, 'AWS::CloudWatch::Alarm'))) {
      expect(Properties['AlarmDescription']).toContain('https://wiki.example/pilotlight#');
    }
  });

  it('stay quiet when nothing happens', () => {
    template.allResourcesProperties('AWS::CloudWatch::Alarm', { TreatMissingData: 'notBreaching' });
  });

  it('tell a topic when there is one', () => {
    const { template: told } = synthesise((stack) => ({ alarmTopic: new Topic(stack, 'Topic') }));
    for (const { Properties } of Object.values(resourcesOf(told, 'AWS::CloudWatch::Alarm'))) {
      expect(Properties['AlarmActions']).toEqual([{ Ref: expect.stringMatching(/^Topic/) }]);
    }
    for (const { Properties } of Object.values(alarms)) {
      expect(Properties).not.toHaveProperty('AlarmActions');
    }
  });

  it('take their thresholds from the props', () => {
    const { template: strict } = synthesise({
      latencyAlarmThreshold: Duration.millis(250),
      dailyCostAlarmDollars: 3,
    });
    const thresholdOf = (name: string) =>
      resourceOf(strict, 'AWS::CloudWatch::Alarm', `InferenceAlarms${name}`).Properties[
        'Threshold'
      ];
    expect(thresholdOf('Latency')).toBe(250);
    expect(thresholdOf('DailyCost')).toBe(3);
  });

  it('read the metrics that the functions write, under the name that the functions are given', () => {
    const names = ['Api', 'Transform'].map((name) => {
      const { Environment } = resourceOf(
        template,
        'AWS::Lambda::Function',
        `Inference${name}Function`,
      ).Properties as { Environment: { Variables: Record<string, string> } };
      expect(Environment.Variables['POWERTOOLS_METRICS_NAMESPACE']).toBe(metricsNamespace);
      return Environment.Variables['POWERTOOLS_SERVICE_NAME'];
    });
    expect(new Set(names).size).toBe(2);
    const { Metrics } = resourceOf(
      template,
      'AWS::CloudWatch::Alarm',
      'InferenceAlarmsModelLoadFailures',
    ).Properties as { Metrics: { MetricStat?: { Metric: Record<string, unknown> } }[] };
    expect(Metrics.flatMap(({ MetricStat }) => MetricStat?.Metric ?? [])).toEqual(
      names.map((Value) => ({
        Namespace: metricsNamespace,
        MetricName: metricNames.modelLoadFailures,
        Dimensions: [{ Name: 'service', Value }],
      })),
    );
  });

  it('reckon the cost of a day from time, memory and calls', () => {
    const { Metrics } = resourceOf(template, 'AWS::CloudWatch::Alarm', 'InferenceAlarmsDailyCost')
      .Properties as { Metrics: { Expression?: string }[] };
    const [expression = ''] = Metrics.flatMap(({ Expression }) => Expression ?? []);
    // One hour of each function's time and a million calls of each, at 1,769 MiB on arm64.
    const dollars = expression
      .replaceAll(/FILL\((api|plan|transform)Ms, 0\)/g, '3600000')
      .replaceAll(/FILL\((api|plan|transform)Calls, 0\)/g, '1000000')
      .split(' + ')
      .map((term) => term.split(' * ').map(Number))
      .reduce((sum, [amount = Number.NaN, price = Number.NaN]) => sum + amount * price, 0);
    expect(dollars).toBeCloseTo(3 * (3600 * (1769 / 1024) * 0.000_013_333_4 + 0.2), 6);
  });
});

describe('new code', () => {
  it('takes over a tenth for five minutes, and gives it back when the front door gets worse', () => {
    template.hasResourceProperties('AWS::CodeDeploy::DeploymentGroup', {
      DeploymentConfigName: 'CodeDeployDefault.LambdaCanary10Percent5Minutes',
      AutoRollbackConfiguration: {
        Enabled: true,
        Events: Match.arrayWith(['DEPLOYMENT_FAILURE', 'DEPLOYMENT_STOP_ON_ALARM']),
      },
      AlarmConfiguration: {
        Enabled: true,
        Alarms: ['ServerErrors', 'Latency', 'ApiErrors'].map((name) => ({
          Name: { Ref: Match.stringLikeRegexp(`InferenceAlarms${name}`) },
        })),
      },
    });
    template.hasResource('AWS::Lambda::Alias', {
      UpdatePolicy: { CodeDeployLambdaAliasUpdate: Match.anyValue() },
    });
  });

  it('takes over as told', () => {
    synthesise({
      deploymentConfig: LambdaDeploymentConfig.ALL_AT_ONCE,
    }).template.hasResourceProperties('AWS::CodeDeploy::DeploymentGroup', {
      DeploymentConfigName: 'CodeDeployDefault.LambdaAllAtOnce',
    });
  });
});

describe('the dashboard', () => {
  it('shows every metric of the functions that there is a name for', () => {
    const body = JSON.stringify(resourcesOf(template, 'AWS::CloudWatch::Dashboard'));
    const missing = Object.values(metricNames).filter((name) => !body.includes(`"${name}\\"`));
    expect(missing).toEqual([]);
  });

  it('can be left out', () => {
    synthesise({ dashboard: false }).template.resourceCountIs('AWS::CloudWatch::Dashboard', 0);
  });
});

describe('a budget', () => {
  it('is there when asked for, by the stack', () => {
    template.resourceCountIs('AWS::Budgets::Budget', 0);
    synthesise({
      monthlyBudgetDollars: 100,
      budgetEmail: 'ops@example.com',
    }).template.hasResourceProperties('AWS::Budgets::Budget', {
      Budget: {
        BudgetLimit: { Amount: 100, Unit: 'USD' },
        CostFilters: { TagKeyValue: ['aws:cloudformation:stack-name$Test'] },
      },
      NotificationsWithSubscribers: Match.arrayWith([
        Match.objectLike({
          Subscribers: [{ Address: 'ops@example.com', SubscriptionType: 'EMAIL' }],
        }),
      ]),
    });
  });
});

describe('prices', () => {
  it('are those of docs/cost.md, with its date', () => {
    const document = readFileSync(join(packageRoot, 'docs', 'cost.md'), 'utf8');
    expect(document).toContain(`**${pricesDate}**`);
    expect(document).toContain(dollarsPerGiBSecond(Architecture.ARM_64).toFixed(10));
    expect(document).toContain(dollarsPerGiBSecond(Architecture.X86_64).toFixed(10));
    expect(document).toContain(`| Lambda calls | ${dollarsPerMillionRequests.toFixed(2)} |`);
  });

  it('hold for as many alarm metrics as it says', () => {
    const metrics = Object.values(alarms).flatMap(({ Properties }) => {
      const { Metrics } = Properties as { Metrics?: { MetricStat?: unknown }[] };
      return Metrics?.filter(({ MetricStat }) => MetricStat !== undefined) ?? [{}];
    });
    const document = readFileSync(join(packageRoot, 'docs', 'cost.md'), 'utf8');
    expect(document).toContain(
      `${Object.keys(alarms).length} alarms, which look at ${metrics.length} metrics`,
    );
  });
});

describe('metrics', () => {
  it('are there for dashboards and alarms of others', () => {
    const names = [
      service.metricRequests(),
      service.metricLatency(99),
      service.metricServerErrors(),
      service.metricRecordsTransformed(),
      service.metricRecordsFailed(),
    ].map(({ namespace, metricName, statistic }) => `${namespace} ${metricName} ${statistic}`);
    expect(names).toEqual([
      'AWS/ApiGateway Count Sum',
      'AWS/ApiGateway Latency p99',
      'AWS/ApiGateway 5xx Sum',
      'Pilotlight RecordsTransformed Sum',
      'Pilotlight RecordsFailed Sum',
    ]);
  });
});
