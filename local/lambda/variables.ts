import { delimiter } from 'node:path';
import { laptopRegion } from '../template/names.ts';

/** What an environment's variables are made from. */
export interface EnvironmentFacts {
  readonly functionName: string;
  readonly handler: string;
  readonly taskRoot: string;
  readonly memoryMiB: number;
  /** Invocations at a time. @default 1 */
  readonly concurrency?: number;
  /** Host and port. */
  readonly runtimeApi: string;
  /** The environment's own temp disk. */
  readonly temporaryDir: string;
  readonly logStreamName: string;
}

/**
 * The variables that Lambda sets (docs: configuration-envvars). Nothing of the laptop's own environment goes
 * in but PATH: what works here by an exported variable would not work there.
 */
export function lambdaVariables(facts: EnvironmentFacts): Record<string, string> {
  const { concurrency = 1 } = facts;
  return {
    _HANDLER: facts.handler,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_REGION: laptopRegion,
    AWS_DEFAULT_REGION: laptopRegion,
    AWS_EXECUTION_ENV: `AWS_Lambda_nodejs${process.versions.node.split('.')[0]}.x`,
    AWS_LAMBDA_FUNCTION_NAME: facts.functionName,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: `${facts.memoryMiB}`,
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: logGroupName(facts.functionName),
    AWS_LAMBDA_LOG_STREAM_NAME: facts.logStreamName,
    AWS_LAMBDA_RUNTIME_API: facts.runtimeApi,
    // Set on managed instances only (docs: runtimes-api): that it is there means several invocations at a time.
    ...(concurrency > 1 && { AWS_LAMBDA_MAX_CONCURRENCY: `${concurrency}` }),
    // Otherwise the AWS SDK looks for a credentials file and asks EC2's metadata address.
    AWS_EC2_METADATA_DISABLED: 'true',
    LAMBDA_TASK_ROOT: facts.taskRoot,
    LANG: 'en_US.UTF-8',
    TZ: 'UTC',
    PATH: process.env['PATH'] ?? ['/usr/local/bin', '/usr/bin', '/bin'].join(delimiter),
    HOME: facts.temporaryDir,
    TMPDIR: facts.temporaryDir,
  };
}

export function logGroupName(functionName: string): string {
  return `/aws/lambda/${functionName}`;
}
