import type { S3Client } from '@aws-sdk/client-s3';
import { createSqsClient } from '../../adapters/sqs/client.ts';
import type { Log } from '../../batch/ports.ts';
import type { Environment } from '../../contract/environment.ts';
import type { ModelProvider } from '../../models/provider.ts';
import type { Routes } from '../api/router.ts';
import { createBatchSide } from '../batch-context.ts';
import { parseBatchSettings } from '../batch-settings.ts';
import { jobRoutes } from './job-routes.ts';

/** The jobs API over the buckets and queues that the environment names. */
export function createJobRoutes(
  environment: Environment,
  s3: S3Client,
  models: ModelProvider,
  log: Log,
): Routes {
  const clients = { s3, sqs: createSqsClient() };
  const observers = { log, meters: noMeters };
  const batch = createBatchSide(parseBatchSettings(environment), clients, observers);
  return jobRoutes({ ...batch, models });
}

/** Shards are decided and jobs completed in other functions. */
const noMeters = {
  shardDecided: () => undefined,
  jobCompleted: () => undefined,
  jobFailed: () => undefined,
};
