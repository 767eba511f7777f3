import {
  type Environment,
  environmentVariables,
  integerVariable,
  requireVariable,
} from '../contract/environment.ts';
import { defaultMaxReceiveCount } from '../contract/limits.ts';

/** A dead worker's shard is taken up again after it; runs of a model that block for longer are rare. */
const defaultShardVisibilitySeconds = 90;

/** Where the batch path finds its buckets and queues. */
export interface BatchSettings {
  readonly jobsBucket: string;
  readonly resultsBucket: string;
  readonly planQueueUrl: string;
  readonly shardQueueUrl: string;
  /** undefined when nobody is told of completed jobs. */
  readonly eventBusName: string | undefined;
  readonly shardMaxReceiveCount: number;
  readonly shardVisibilitySeconds: number;
  /** Memory of the function. */
  readonly memoryMB: number;
}

/** @throws EnvironmentError that names the variable */
export function parseBatchSettings(environment: Environment): BatchSettings {
  const eventBusName = environment[environmentVariables.eventBusName];
  return {
    jobsBucket: requireVariable(environment, environmentVariables.jobsBucket),
    resultsBucket: requireVariable(environment, environmentVariables.resultsBucket),
    planQueueUrl: requireVariable(environment, environmentVariables.planQueueUrl),
    shardQueueUrl: requireVariable(environment, environmentVariables.shardQueueUrl),
    eventBusName: eventBusName === '' ? undefined : eventBusName,
    shardMaxReceiveCount: integerVariable(environment, environmentVariables.shardMaxReceiveCount, {
      minimum: 1,
      fallback: defaultMaxReceiveCount,
    }),
    memoryMB: integerVariable(environment, 'AWS_LAMBDA_FUNCTION_MEMORY_SIZE', {
      minimum: 128,
      fallback: 2048,
    }),
    shardVisibilitySeconds: integerVariable(
      environment,
      environmentVariables.shardVisibilitySeconds,
      { minimum: 1, fallback: defaultShardVisibilitySeconds },
    ),
  };
}
