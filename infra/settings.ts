import { Duration, Size, SizeRoundingBehavior } from 'aws-cdk-lib';
import { Architecture } from 'aws-cdk-lib/aws-lambda';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import {
  httpApiTimeoutMs,
  lambdaTimeoutSeconds,
  memoryPerVirtualCpuMB,
} from '../src/contract/limits.ts';
import { ComputeProfile } from './compute-profile.ts';
import type { InferenceServiceProps } from './inference-service-props.ts';
import type { Packaging } from './packaging.ts';
import { valueProblems } from './value-checks.ts';

/** What the props come to: every number filled in. */
export interface Settings {
  readonly compute: ComputeProfile;
  readonly packaging: Packaging;
  readonly architecture: Architecture;
  readonly apiMemorySize: Size;
  readonly planMemorySize: Size;
  readonly transformMemorySize: Size;
  readonly apiEphemeralStorageSize: Size;
  readonly planEphemeralStorageSize: Size;
  readonly transformEphemeralStorageSize: Size;
  readonly apiTimeout: Duration;
  readonly planTimeout: Duration;
  readonly transformTimeout: Duration;
}

const smallestEphemeralStorageMiB = 512;
const largestMemoryMiB = 10_240;
const largestEphemeralStorageMiB = 10_240;

/**
 * One thread of ONNX Runtime fills one virtual CPU, so one virtual CPU's memory is the cheapest place for it;
 * more pays when the model needs the memory, or latency the second thread.
 */
const defaultMemoryMiB = memoryPerVirtualCpuMB;

/** Node.js, the bundle and ONNX Runtime, before any model. */
const baseMemoryMiB = 256;

/**
 * Memory that a model takes while it is loaded beside its predecessor, which serves on until it is ready:
 * creating a session peaks at 1.2 to 3.4 times the file (docs/performance.md), a served one holds about 1.2.
 */
function estimatedMemoryMiB(modelMiB: number): number {
  return Math.ceil(baseMemoryMiB + 3 * modelMiB);
}

/** Temp disk for a new version beside the one that serves. */
function estimatedEphemeralStorageMiB(modelMiB: number): number {
  return Math.ceil(2 * modelMiB);
}

/** Files have any number of bytes. */
function wholeMiB(size: Size | undefined): number {
  return Math.ceil(size?.toMebibytes({ rounding: SizeRoundingBehavior.NONE }) ?? 0);
}

/** Fills in the defaults. */
export function settingsOf(props: InferenceServiceProps): Settings {
  const compute = props.compute ?? ComputeProfile.onDemand();
  const modelMiB = wholeMiB(props.largestModelSize);
  const memory = (own: number) =>
    Size.mebibytes(Math.min(Math.max(own, estimatedMemoryMiB(modelMiB)), largestMemoryMiB));
  const disk = Size.mebibytes(
    Math.min(
      Math.max(smallestEphemeralStorageMiB, estimatedEphemeralStorageMiB(modelMiB)),
      largestEphemeralStorageMiB,
    ),
  );
  return {
    compute,
    packaging: props.packaging ?? 'image',
    architecture: props.architecture ?? Architecture.ARM_64,
    apiMemorySize: props.apiMemorySize ?? memory(compute.memoryMiB ?? defaultMemoryMiB),
    planMemorySize: Size.mebibytes(defaultMemoryMiB),
    transformMemorySize: props.transformMemorySize ?? memory(defaultMemoryMiB),
    apiEphemeralStorageSize: props.apiEphemeralStorageSize ?? disk,
    planEphemeralStorageSize: Size.mebibytes(smallestEphemeralStorageMiB),
    transformEphemeralStorageSize: props.transformEphemeralStorageSize ?? disk,
    apiTimeout: props.apiTimeout ?? Duration.seconds(29),
    planTimeout: props.planTimeout ?? Duration.minutes(5),
    transformTimeout: props.transformTimeout ?? Duration.minutes(5),
  };
}

/** What in the props cannot work, a sentence each that says what to do. */
export function settingsProblems(
  props: InferenceServiceProps,
  settings: Settings,
  region: string | undefined,
): string[] {
  const values = valueProblems(props);
  if (values.length > 0) return values;
  return [
    ...timeoutProblems(settings),
    ...sizeProblems(props, settings),
    ...pollingProblems(props),
    ...bucketProblems(props),
    ...budgetProblems(props),
    ...settings.compute.problems({
      packaging: settings.packaging,
      architecture: settings.architecture,
      ephemeralStorageMiB: settings.apiEphemeralStorageSize.toMebibytes(),
      reservedConcurrency: props.apiReservedConcurrency,
      region,
    }),
  ];
}

function timeoutProblems({ apiTimeout, planTimeout, transformTimeout }: Settings): string[] {
  const problems: string[] = [];
  const gatewaySeconds = httpApiTimeoutMs / 1000;
  if (apiTimeout.toSeconds() > gatewaySeconds) {
    problems.push(
      `apiTimeout is ${apiTimeout.toSeconds()} s, and API Gateway gives up on an HTTP API after ${gatewaySeconds} s: lower it to 29 s, and send longer work with "Prefer: respond-async" or as a transform job.`,
    );
  }
  for (const [name, timeout] of Object.entries({ planTimeout, transformTimeout })) {
    if (timeout.toSeconds() > lambdaTimeoutSeconds) {
      problems.push(
        `${name} is ${timeout.toSeconds()} s, and Lambda stops a function after ${lambdaTimeoutSeconds} s: lower it.`,
      );
    }
  }
  return problems;
}

function sizeProblems({ largestModelSize }: InferenceServiceProps, settings: Settings): string[] {
  if (largestModelSize === undefined) return [];
  const modelMiB = wholeMiB(largestModelSize);
  const memoryMiB = estimatedMemoryMiB(modelMiB);
  const diskMiB = estimatedEphemeralStorageMiB(modelMiB);
  const { apiMemorySize, transformMemorySize } = settings;
  const { apiEphemeralStorageSize, transformEphemeralStorageSize } = settings;
  const problems: string[] = [];
  for (const [name, size] of Object.entries({ apiMemorySize, transformMemorySize })) {
    if (size.toMebibytes() < memoryMiB) {
      problems.push(
        `${name} is ${size.toMebibytes()} MiB, and a model of ${modelMiB} MiB needs about ${memoryMiB}: raise it (Lambda gives up to ${largestMemoryMiB}), or lower largestModelSize.`,
      );
    }
  }
  const disks = { apiEphemeralStorageSize, transformEphemeralStorageSize };
  for (const [name, size] of Object.entries(disks)) {
    if (size.toMebibytes() < diskMiB) {
      problems.push(
        `${name} is ${size.toMebibytes()} MiB, and a new version of a model of ${modelMiB} MiB beside the served one takes ${diskMiB}: raise it (Lambda gives up to ${largestEphemeralStorageMiB}), or lower largestModelSize.`,
      );
    }
  }
  return problems;
}

function pollingProblems(props: InferenceServiceProps): string[] {
  if (props.transformPollers === undefined || props.transformMaxConcurrency === undefined)
    return [];
  return [
    'transformPollers and transformMaxConcurrency are both set, and Lambda takes one or the other: drop transformMaxConcurrency, and bound the work by transformPollers.maximum.',
  ];
}

function bucketProblems(props: InferenceServiceProps): string[] {
  const { modelsBucket, jobsBucket, resultsBucket } = props;
  // What lies beside models is taken for models.
  const problems = Object.entries({ jobsBucket, resultsBucket })
    .filter(([, bucket]) => isSame(bucket, modelsBucket))
    .map(([name]) => `${name} is modelsBucket: give models a bucket of their own.`);
  if (isSame(jobsBucket, resultsBucket)) {
    problems.push(
      'jobsBucket and resultsBucket are the same bucket: results would land where uploads are watched, and one job could start the next for ever. Give them two buckets.',
    );
  }
  return problems;
}

function isSame(one: IBucket | undefined, other: IBucket | undefined): boolean {
  return one !== undefined && one.bucketName === other?.bucketName;
}

function budgetProblems({ monthlyBudgetDollars, budgetEmail }: InferenceServiceProps): string[] {
  if ((monthlyBudgetDollars === undefined) === (budgetEmail === undefined)) return [];
  return ['A budget needs both monthlyBudgetDollars and budgetEmail: set the other one too.'];
}
