import { type Duration, type Size, Token } from 'aws-cdk-lib';
import { isName } from '../src/contract/names.ts';
import type { InferenceServiceProps } from './inference-service-props.ts';

/*
 * What a single prop cannot be: CloudFormation would say so after minutes, or nobody. A value that is known at
 * deployment only is let through.
 */

/** What in the props is out of its range, a sentence each that says what to do. */
export function valueProblems(props: InferenceServiceProps): string[] {
  return [
    ...wholeProblem('apiReservedConcurrency', props.apiReservedConcurrency, 0, 1_000_000),
    ...wholeProblem('transformMaxConcurrency', props.transformMaxConcurrency, 2, 1000),
    ...wholeProblem('maxReceiveCount', props.maxReceiveCount, 1, 1000),
    ...wholeProblem('throttlingBurstLimit', props.throttlingBurstLimit, 1, 1_000_000),
    ...positiveProblem('throttlingRateLimit', props.throttlingRateLimit),
    ...positiveProblem('dailyCostAlarmDollars', props.dailyCostAlarmDollars),
    ...positiveProblem('monthlyBudgetDollars', props.monthlyBudgetDollars),
    ...secondsProblem('apiTimeout', props.apiTimeout),
    ...secondsProblem('planTimeout', props.planTimeout),
    ...secondsProblem('transformTimeout', props.transformTimeout),
    ...daysProblem('uploadsExpiry', props.uploadsExpiry),
    ...daysProblem('resultsExpiry', props.resultsExpiry),
    ...sizeProblem('apiMemorySize', props.apiMemorySize, 128),
    ...sizeProblem('transformMemorySize', props.transformMemorySize, 128),
    ...sizeProblem('apiEphemeralStorageSize', props.apiEphemeralStorageSize, 512),
    ...sizeProblem('transformEphemeralStorageSize', props.transformEphemeralStorageSize, 512),
    ...modelNameProblems('defaultModel', props.defaultModel),
    ...(props.corsOrigins ?? []).flatMap(originProblem),
  ];
}

/** What of a list of models cannot be meant, a sentence each that says what to do. */
export function modelNamesProblems(place: string, models: readonly string[] | undefined): string[] {
  if (models?.length === 0) return [`${place}: the list is empty: name some, or leave it out.`];
  return (models ?? []).flatMap((model) => modelNameProblems(place, model));
}

function modelNameProblems(place: string, model: string | undefined): string[] {
  if (model === undefined || Token.isUnresolved(model) || isName(model)) return [];
  return [
    `${place}: ${JSON.stringify(model)} is no model's name: give that of its folder in the models bucket, without version, slash or wildcard.`,
  ];
}

function wholeProblem(
  name: string,
  value: number | undefined,
  least: number,
  most: number,
): string[] {
  if (value === undefined || Token.isUnresolved(value)) return [];
  if (Number.isInteger(value) && value >= least && value <= most) return [];
  return [`${name} is ${value}: give a whole number from ${least} to ${most}.`];
}

function positiveProblem(name: string, value: number | undefined): string[] {
  if (value === undefined || Token.isUnresolved(value) || (value > 0 && value < Infinity)) {
    return [];
  }
  return [`${name} is ${value}: give a number above 0.`];
}

function secondsProblem(name: string, value: Duration | undefined): string[] {
  if (value === undefined || value.isUnresolved()) return [];
  const seconds = value.toSeconds({ integral: false });
  if (Number.isInteger(seconds) && seconds >= 1) return [];
  return [`${name} is ${seconds} s: give whole seconds, 1 at least.`];
}

function daysProblem(name: string, value: Duration | undefined): string[] {
  if (value === undefined || value.isUnresolved()) return [];
  const days = value.toDays({ integral: false });
  if (Number.isInteger(days) && days >= 1) return [];
  return [`${name} is ${value.toString()}, and S3 counts in days: give whole days, 1 at least.`];
}

/** How much Lambda gives at most depends on how the function computes: that is Lambda's to say. */
function sizeProblem(name: string, value: Size | undefined, leastMiB: number): string[] {
  if (value === undefined || value.isUnresolved()) return [];
  const bytes = value.toBytes();
  if (bytes % 2 ** 20 === 0 && bytes >= leastMiB * 2 ** 20) return [];
  return [
    `${name} is ${bytes} bytes: give whole mebibytes (Size.mebibytes), ${leastMiB} at least.`,
  ];
}

function originProblem(origin: string): string[] {
  if (origin === '*' || Token.isUnresolved(origin) || /^[a-z][\w+.-]*:\/\/[^/]+$/.test(origin)) {
    return [];
  }
  return [
    `corsOrigins: a browser names no origin ${JSON.stringify(origin)}: give scheme and host, such as https://app.example.com, without a slash behind it.`,
  ];
}
