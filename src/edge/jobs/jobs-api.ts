import type { S3Client } from '@aws-sdk/client-s3';
import { createSqsClient } from '../../adapters/sqs/client.ts';
import type { Log } from '../../batch/ports.ts';
import type { Environment } from '../../contract/environment.ts';
import type { ModelProvider } from '../../models/provider.ts';
import type { RouteHandler, Routes } from '../api/router.ts';
import { createBatchSide } from '../batch-context.ts';
import { parseBatchSettings } from '../batch-settings.ts';
import { jobRoutes, respondAsync } from './job-routes.ts';

/** What of transform jobs is called by HTTP. */
export interface JobsApi {
  readonly routes: Routes;
  /** Answers an inference request with where its answer will be. */
  readonly inferLater: RouteHandler;
}

/** The jobs API over the buckets and queues that the environment names. */
export function createJobsApi(
  environment: Environment,
  s3: S3Client,
  models: ModelProvider,
  log: Log,
): JobsApi {
  const clients = { s3, sqs: createSqsClient() };
  const observers = { log, meters: noMeters };
  const batch = createBatchSide(parseBatchSettings(environment), clients, observers);
  const context = { ...batch, models };
  return {
    routes: jobRoutes(context),
    inferLater: (request, { model = '', version }) =>
      respondAsync(context, { model, version }, request),
  };
}

/** Shards are decided and jobs completed in other functions. */
const noMeters = {
  shardDecided: () => undefined,
  jobCompleted: () => undefined,
  jobFailed: () => undefined,
};
