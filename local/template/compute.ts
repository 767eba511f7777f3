import { join } from 'node:path';
import type { Cursor } from './cursor.ts';
import { functionNameOf, physicalName, queueNameOf } from './names.ts';
import { type Resource, resourcesOf, type Template } from './template.ts';

export interface FunctionDescription {
  readonly logicalId: string;
  readonly name: string;
  /** File below the task root, and export: `api/handler.handler`. */
  readonly handler: string;
  /** Folder of a zip function's code; undefined for an image, whose task root is where the bundles are. */
  readonly codeDir: string | undefined;
  readonly environment: Readonly<Record<string, string>>;
  readonly memoryMiB: number;
  readonly timeoutMs: number;
  /** How many may run at a time before calls are throttled. */
  readonly reservedConcurrency: number | undefined;
  /** How many one environment takes at a time: one, unless it runs on managed instances. */
  readonly environmentConcurrency: number;
  readonly ephemeralStorageMiB: number;
}

export interface EventSourceMappingDescription {
  readonly logicalId: string;
  readonly functionName: string;
  readonly queueName: string;
  /** Messages of one invocation. */
  readonly batchSize: number;
  /** How long messages are gathered before they are handed over. */
  readonly batchingWindowMs: number;
  readonly maximumConcurrency: number | undefined;
  /** Whether the function may report which of its messages failed. */
  readonly reportsBatchItemFailures: boolean;
}

/** What runs, and what feeds it from queues. */
export interface ComputeDescription {
  readonly functions: readonly FunctionDescription[];
  readonly eventSourceMappings: readonly EventSourceMappingDescription[];
}

/** @throws TemplateError that names the logical id and the property */
export function describeCompute(template: Template): ComputeDescription {
  return {
    functions: resourcesOf(template, 'AWS::Lambda::Function')
      .filter(runsOnTheLaptop)
      .map((resource) => describeFunction(resource, template.assemblyDir)),
    eventSourceMappings: resourcesOf(template, 'AWS::Lambda::EventSourceMapping')
      .filter(({ properties }) => properties.at('Enabled').boolean(true))
      .map(describeMapping),
  };
}

/**
 * CDK's own helpers (the custom resources that configure buckets) have their code in the template or are
 * written in Python: they act at deployment, which the laptop does without.
 */
function runsOnTheLaptop({ properties }: Resource): boolean {
  if (properties.at('PackageType').optionalString() === 'Image') return true;
  if (properties.at('Code').at('ZipFile').isPresent) return false;
  return properties.at('Runtime').string().startsWith('nodejs');
}

function describeFunction(resource: Resource, assemblyDir: string): FunctionDescription {
  const { logicalId, properties, metadata } = resource;
  const isImage = properties.at('PackageType').optionalString() === 'Image';
  const variables = properties.at('Environment').at('Variables').entries();
  // Defaults as in CloudFormation's AWS::Lambda::Function.
  const memoryMiB = properties.at('MemorySize').integer(128);
  return {
    logicalId,
    name: physicalName(resource),
    handler: isImage
      ? imageHandler(properties.at('ImageConfig').at('Command'))
      : properties.at('Handler').string(),
    codeDir: isImage ? undefined : join(assemblyDir, metadata.at('aws:asset:path').string()),
    environment: Object.fromEntries(variables.map(([name, value]) => [name, value.string()])),
    memoryMiB,
    timeoutMs: properties.at('Timeout').integer(3) * 1000,
    reservedConcurrency: properties.at('ReservedConcurrentExecutions').optionalInteger(),
    environmentConcurrency: environmentConcurrency(properties, memoryMiB),
    ephemeralStorageMiB: properties.at('EphemeralStorage').at('Size').integer(512),
  };
}

/** On managed instances Node.js gets 64 for each virtual CPU by default (docs: lambda-managed-instances-nodejs-runtime). */
function environmentConcurrency(properties: Cursor, memoryMiB: number): number {
  const instances = properties
    .at('CapacityProviderConfig')
    .at('LambdaManagedInstancesCapacityProviderConfig');
  if (!instances.isPresent) return 1;
  const memoryGiBPerVirtualCpu = instances.at('ExecutionEnvironmentMemoryGiBPerVCpu').integer(2);
  const virtualCpus = Math.max(1, Math.floor(memoryMiB / 1024 / memoryGiBPerVirtualCpu));
  return instances.at('PerExecutionEnvironmentMaxConcurrency').integer(64 * virtualCpus);
}

/** The laptop has no image to ask, so the template must say which of its commands a function runs. */
function imageHandler(command: Cursor): string {
  const [handler, ...others] = command.items();
  if (handler === undefined || others.length > 0) {
    throw command.unexpected('one command, the handler');
  }
  return handler.string();
}

function describeMapping({ logicalId, properties }: Resource): EventSourceMappingDescription {
  const source = properties.at('EventSourceArn');
  const queueName = queueNameOf(source.string());
  if (queueName === undefined) throw source.unexpected('the ARN of a queue');
  const filters = properties.at('FilterCriteria');
  if (filters.isPresent) throw filters.unexpected('none: the laptop has no event filters');
  const target = properties.at('FunctionName').string();
  return {
    logicalId,
    functionName: functionNameOf(target) ?? target,
    queueName,
    batchSize: properties.at('BatchSize').integer(10),
    batchingWindowMs: properties.at('MaximumBatchingWindowInSeconds').integer(0) * 1000,
    maximumConcurrency: properties.at('ScalingConfig').at('MaximumConcurrency').optionalInteger(),
    reportsBatchItemFailures: properties
      .at('FunctionResponseTypes')
      .items()
      .some((type) => type.string() === 'ReportBatchItemFailures'),
  };
}
