import type { S3Client } from '@aws-sdk/client-s3';
import { createSqsClient } from '../../adapters/sqs/client.ts';
import type { Log } from '../../batch/ports.ts';
import type { Environment } from '../../contract/environment.ts';
import type { ModelProvider } from '../../models/provider.ts';
import type { RouteHandler, Routes } from '../api/router.ts';
import { createBatchSide } from '../batch-context.ts';
import { parseBatchSettings } from '../batch-settings.ts';
import { predictServices } from '../model-side.ts';
import { jobRoutes } from './job-routes.ts';
import { inferLater, predictLater } from './later.ts';

/** What of transform jobs is called by HTTP. */
export interface JobsApi {
  readonly routes: Routes;
  /** Answers a request of the infer route with where its answer will be. */
  readonly inferLater: RouteHandler;
  /** The same for the predict route. */
  readonly predictLater: RouteHandler;
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
  const settings = parseBatchSettings(environment);
  const context = { ...createBatchSide(settings, clients, observers), models };
  const services = predictServices(s3, settings.jobsBucket);
  return {
    routes: jobRoutes(context),
    inferLater: (request, { model = '', version }) =>
      inferLater(context, { model, version }, request),
    predictLater: (request, { model = '', version }) =>
      predictLater(context, services, { model, version }, request),
  };
}

/** Shards are decided and jobs completed in other functions. */
const noMeters = {
  shardDecided: () => undefined,
  jobCompleted: () => undefined,
  jobFailed: () => undefined,
};
