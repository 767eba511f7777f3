import type { Duration, Size } from 'aws-cdk-lib';
import type { IEventBus } from 'aws-cdk-lib/aws-events';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { environmentVariables } from '../src/contract/environment.ts';
import { defaultMaxReceiveCount } from '../src/contract/limits.ts';
import { InferenceFunction } from './constructs/inference-function.ts';
import type { WorkQueue } from './constructs/work-queue.ts';
import type { EndpointAccess } from './endpoint-access.ts';
import { type FunctionName, handlerOf } from './functions.ts';
import type { InferenceServiceProps } from './inference-service-props.ts';
import { createLibraryLayers } from './library-layers.ts';
import { type FunctionCode, imageCode, zipCode } from './packaging.ts';
import type { ServiceState } from './service-state.ts';
import type { Settings } from './settings.ts';

export interface FunctionsContext extends ServiceState {
  readonly eventBus: IEventBus;
  readonly planQueue: WorkQueue;
  readonly shardQueue: WorkQueue;
  readonly props: InferenceServiceProps;
  readonly settings: Settings;
  readonly access: EndpointAccess;
}

export interface ServiceFunctions {
  readonly api: InferenceFunction;
  readonly plan: InferenceFunction;
  readonly transform: InferenceFunction;
}

/** Temp disk that is left to what is not a model: logs of crashes, libraries that unpack themselves. */
const spareDiskMiB = 64;

/** The three functions, children of `scope`: one code, three commands. */
export function createFunctions(scope: Construct, context: FunctionsContext): ServiceFunctions {
  const { props, settings, access } = context;
  const layers =
    settings.packaging === 'zip' ? createLibraryLayers(scope, settings.architecture) : undefined;
  const codeOf = (name: FunctionName): FunctionCode =>
    layers === undefined
      ? imageCode(handlerOf(name), settings.architecture, name === 'api' && settings.compute.cuda)
      : zipCode(handlerOf(name), layers);
  const common = {
    architecture: settings.architecture,
    logRetention: props.logRetention ?? RetentionDays.ONE_MONTH,
    vpc: props.vpc,
    vpcSubnets: props.vpcSubnets,
    securityGroups: props.securityGroups,
  };
  const environment = environmentOf(context);
  const create = (id: string, name: FunctionName, own: FunctionOwn) =>
    new InferenceFunction(scope, id, {
      ...common,
      ...own,
      code: codeOf(name),
      environment: {
        ...environment,
        [environmentVariables.modelCacheMiB]: String(
          own.ephemeralStorageSize.toMebibytes() - spareDiskMiB,
        ),
        ...own.environment,
      },
    });
  return {
    api: create('Api', 'api', {
      description: 'Answers inference requests',
      timeout: settings.apiTimeout,
      memorySize: settings.apiMemorySize,
      ephemeralStorageSize: settings.apiEphemeralStorageSize,
      reservedConcurrentExecutions: props.apiReservedConcurrency,
      environment: { ...apiEnvironment(props, access), ...settings.compute.environment },
    }),
    plan: create('Plan', 'plan', {
      description: 'Splits uploads into shards',
      timeout: settings.planTimeout,
      memorySize: settings.planMemorySize,
      ephemeralStorageSize: settings.planEphemeralStorageSize,
    }),
    transform: create('Transform', 'transform', {
      description: 'Turns shards into predictions',
      timeout: settings.transformTimeout,
      memorySize: settings.transformMemorySize,
      ephemeralStorageSize: settings.transformEphemeralStorageSize,
      // What is read of an input dies young: 100 MB less at the peak, and no slower (docs/performance.md).
      environment: { NODE_OPTIONS: '--max-semi-space-size=4' },
    }),
  };
}

/** What differs from function to function. */
interface FunctionOwn {
  readonly description: string;
  readonly timeout: Duration;
  readonly memorySize: Size;
  readonly ephemeralStorageSize: Size;
  readonly reservedConcurrentExecutions?: number | undefined;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Where everything is: the same for all three. */
function environmentOf(context: FunctionsContext): Record<string, string> {
  return {
    [environmentVariables.modelsBucket]: context.models.bucketName,
    [environmentVariables.jobsBucket]: context.jobs.bucketName,
    [environmentVariables.resultsBucket]: context.results.bucketName,
    [environmentVariables.planQueueUrl]: context.planQueue.queueUrl,
    [environmentVariables.shardQueueUrl]: context.shardQueue.queueUrl,
    [environmentVariables.eventBusName]: context.eventBus.eventBusName,
    [environmentVariables.shardMaxReceiveCount]: String(
      context.props.maxReceiveCount ?? defaultMaxReceiveCount,
    ),
  };
}

function apiEnvironment(props: InferenceServiceProps, access: EndpointAccess) {
  const variables: Record<string, string> = {};
  if (props.defaultModel !== undefined) {
    variables[environmentVariables.defaultModel] = props.defaultModel;
  }
  if (access.modelsClaim !== undefined) {
    variables[environmentVariables.modelsClaim] = access.modelsClaim;
  }
  return variables;
}
