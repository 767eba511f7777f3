import { CfnScalableTarget } from 'aws-cdk-lib/aws-applicationautoscaling';
import { CfnAlias, CfnEventSourceMapping, type CfnFunction } from 'aws-cdk-lib/aws-lambda';
import { CfnQueue, type Queue } from 'aws-cdk-lib/aws-sqs';
import { visibilityTimeoutFactor } from '../src/contract/limits.ts';
import type { InferenceFunction } from './constructs/inference-function.ts';

/**
 * Problems of the resources as they stand at synthesis, after whatever an app changed on them: a sentence each
 * that says what to do.
 */

/** A message must stay hidden for as long as its worker and Lambda's own retries may need. */
export function visibilityProblems(queue: Queue, worker: InferenceFunction): string[] {
  const resource = queue.node.defaultChild;
  if (!CfnQueue.isCfnQueue(resource)) return [];
  // Lambda's and SQS's own defaults.
  const timeoutSeconds = worker.resource.timeout ?? 3;
  const visibilitySeconds = resource.visibilityTimeout ?? 30;
  const windowSeconds = Math.max(
    0,
    ...mappings(worker).map((mapping) => mapping.maximumBatchingWindowInSeconds ?? 0),
  );
  const neededSeconds = visibilityTimeoutFactor * timeoutSeconds + windowSeconds;
  if (visibilitySeconds >= neededSeconds) return [];
  return [
    `${queue.node.path}: its visibility timeout is ${visibilitySeconds} s, and ${worker.node.path} may hold a message for ${timeoutSeconds} s and its event source for a window of ${windowSeconds} s: raise the visibility timeout to ${neededSeconds} s (${visibilityTimeoutFactor} times the timeout, and the window), or lower the timeout.`,
  ];
}

/** SnapStart goes with neither provisioned concurrency nor a file system. */
export function snapStartProblems(target: InferenceFunction): string[] {
  if (target.resource.snapStart === undefined) return [];
  const problems: string[] = [];
  if (hasProvisionedConcurrency(target)) {
    problems.push(
      `${target.node.path}: SnapStart and provisioned concurrency are both on, and Lambda takes one or the other: drop the provisioned concurrency, or choose ComputeProfile.provisionedConcurrency.`,
    );
  }
  if (hasFileSystem(target.resource)) {
    problems.push(
      `${target.node.path}: SnapStart and a file system are both on, and Lambda takes one or the other: drop the file system, or choose another ComputeProfile.`,
    );
  }
  return problems;
}

function hasProvisionedConcurrency(target: InferenceFunction): boolean {
  return target.node
    .findAll()
    .some(
      (child) =>
        (CfnAlias.isCfnAlias(child) && child.provisionedConcurrencyConfig !== undefined) ||
        CfnScalableTarget.isCfnScalableTarget(child),
    );
}

function hasFileSystem({ fileSystemConfigs }: CfnFunction): boolean {
  return Array.isArray(fileSystemConfigs) && fileSystemConfigs.length > 0;
}

function mappings(target: InferenceFunction): CfnEventSourceMapping[] {
  return target.node.findAll().filter(CfnEventSourceMapping.isCfnEventSourceMapping);
}
