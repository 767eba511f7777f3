import { join } from 'node:path';
import type { S3Event } from 'aws-lambda';
import { environmentVariables } from '../src/contract/environment.ts';
import { decodeNotificationKey } from '../src/contract/keys.ts';
import type { FunctionSettings } from './lambda/function-settings.ts';
import { onnxRuntimeDir } from './paths.ts';
import type { S3NotificationOptions } from './s3/server.ts';
import type { SqsServer } from './sqs/server.ts';
import type { FunctionDescription } from './template/compute.ts';
import type { StorageDescription } from './template/storage.ts';

/** Names of the buckets by what they are for. */
export interface BucketNames {
  readonly models: string;
  readonly jobs: string;
  readonly results: string;
}

/** Which bucket is which is said where the functions are told: by their variables. */
export function bucketNames(functions: readonly FunctionDescription[]): BucketNames {
  const nameOf = (variable: string): string => {
    const name = functions.map(({ environment }) => environment[variable]).find(Boolean);
    if (name === undefined)
      throw new Error(`no function of the stack has the variable ${variable}`);
    return name;
  };
  return {
    models: nameOf(environmentVariables.modelsBucket),
    jobs: nameOf(environmentVariables.jobsBucket),
    results: nameOf(environmentVariables.resultsBucket),
  };
}

/** The template's notifications; and, for who wants to follow jobs, one that tells of each new result. */
export function notificationsOf(
  storage: StorageDescription,
  sqs: SqsServer,
  resultsBucket: string,
  onResult: ((key: string, bucket: string) => void) | undefined,
): S3NotificationOptions[] {
  const configured = storage.buckets.flatMap((bucket) =>
    bucket.notifications.map(({ events, prefix, suffix, queueName }, index) => ({
      ...{ events, prefix, suffix },
      id: `${bucket.logicalId}-${index}`,
      bucket: bucket.name,
      deliver: async (message: string) => {
        await sqs.send(queueName, message);
      },
    })),
  );
  if (onResult === undefined) return configured;
  const results: S3NotificationOptions = {
    id: 'laptop-results',
    bucket: resultsBucket,
    events: ['s3:ObjectCreated:*'],
    deliver: async (message) => {
      for (const key of createdKeys(message)) onResult(key, resultsBucket);
    },
  };
  return [...configured, results];
}

/** None in the test message that S3 begins with. */
function createdKeys(message: string): string[] {
  const event: Partial<S3Event> = JSON.parse(message);
  return (event.Records ?? []).map(({ s3 }) => decodeNotificationKey(s3.object.key));
}

/** A function of the template, told where things are on the laptop. */
export function functionSettings(
  description: FunctionDescription,
  bundlesDir: string,
  endpoints: { readonly s3: string; readonly sqs: string; readonly events: string },
): FunctionSettings {
  const { name, handler, memoryMiB, timeoutMs, environment } = description;
  const { reservedConcurrency, environmentConcurrency } = description;
  const laptop = {
    ...(environmentConcurrency > 1 && {
      [environmentVariables.environmentConcurrency]: `${environmentConcurrency}`,
    }),
    AWS_ENDPOINT_URL_S3: endpoints.s3,
    AWS_ENDPOINT_URL_SQS: endpoints.sqs,
    AWS_ENDPOINT_URL_EVENTBRIDGE: endpoints.events,
    // Whatever else is called is refused there, and does not leave the laptop.
    AWS_ENDPOINT_URL: endpoints.events,
    ORT_DISABLE_TELEMETRY: '1',
    [environmentVariables.onnxRuntimeDir]: onnxRuntimeDir(),
  };
  return {
    ...{ name, handler, memoryMiB, timeoutMs, reservedConcurrency, environmentConcurrency },
    taskRoot: description.codeDir ?? bundlesDir,
    variables: ({ temporaryDir }) => ({
      ...environment,
      ...laptop,
      // On Lambda each environment has the temp disk to itself.
      [environmentVariables.modelCacheDir]: join(temporaryDir, 'models'),
    }),
  };
}
