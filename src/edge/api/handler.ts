import { setImmediate, setTimeout } from 'node:timers/promises';
import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { createFirstSession } from '../../adapters/onnxruntime/first-session.ts';
import { createS3Client } from '../../adapters/s3/client.ts';
import {
  countInference,
  createTelemetry,
  observeModels,
} from '../../adapters/telemetry/telemetry.ts';
import {
  type Environment,
  environmentVariables,
  integerVariable,
} from '../../contract/environment.ts';
import { Inference } from '../../inference/inference.ts';
import { MicroBatcher } from '../../inference/micro-batcher.ts';
import { Prediction, type PredictionOutcome } from '../../inference/prediction.ts';
import { InferenceStatistics } from '../../inference/statistics.ts';
import { letHeapGrow } from '../heap-growth.ts';
import { jobRouteNames } from '../jobs/job-route-names.ts';
import type { JobsApi } from '../jobs/jobs-api.ts';
import { createModelSide, createRecycler, predictServices } from '../model-side.ts';
import { observed } from '../observed.ts';
import { parseModelSettings } from '../settings.ts';
import { createApi } from './api.ts';
import { BodyMemory } from './body-memory.ts';
import { type GatewayEvent, toGatewayResult, toHttpRequest } from './gateway.ts';
import { lazyRoutes } from './lazy-routes.ts';

/** Version of the wire surface that `GET /v2` tells. */
const version = '0.1.0';

/** Requests that may wait for one model where the host gives an environment several at a time. */
const maxWaiting = 256;

/** The api function: everything is built once for each environment, and a call is one step through it. */
export async function createApiHandler(environment: Environment) {
  const telemetry = createTelemetry();
  const settings = parseModelSettings(environment);
  const s3 = createS3Client();
  const { models: provider, predictors } = createModelSide(settings, s3, observeModels(telemetry));
  const recycler = createRecycler(settings, provider, (residentBytes) =>
    telemetry.logger.warn('memory does not come down: the environment ends', { residentBytes }),
  );
  const defaultModel = environment[environmentVariables.defaultModel] || undefined;
  const modelsClaim = environment[environmentVariables.modelsClaim] || undefined;
  const statistics = new InferenceStatistics(Date.now);
  const nowMs = () => performance.now();
  const concurrency = integerVariable(environment, environmentVariables.environmentConcurrency, {
    minimum: 1,
    fallback: 1,
  });
  const batcher = new MicroBatcher({
    nowMs,
    maxWaiting,
    turn: concurrency > 1 ? () => setImmediate() : undefined,
  });
  const count = ({ hit, timings }: Pick<PredictionOutcome, 'hit' | 'timings'>) =>
    countInference(telemetry, hit, timings);
  const inference = new Inference({ provider, batcher, statistics, nowMs, onInferred: count });
  const prediction = new Prediction({
    provider,
    predictors,
    batcher,
    statistics,
    nowMs,
    services: predictServices(s3, environment[environmentVariables.jobsBucket]),
    onPredicted: count,
  });
  // Most environments never hear of jobs: their code is loaded by the first call that does.
  let loadedJobsApi: Promise<JobsApi> | undefined;
  const jobsApi = () => {
    loadedJobsApi ??= import('../jobs/jobs-api.ts').then(({ createJobsApi }) =>
      createJobsApi(environment, s3, provider, telemetry.logger),
    );
    return loadedJobsApi;
  };
  const memory = new BodyMemory();
  let firstRequestId: string | undefined;
  const api = createApi({
    version,
    provider,
    inference,
    prediction,
    statistics,
    jobs: lazyRoutes(jobRouteNames, async () => (await jobsApi()).routes),
    inferLater: async (request, parameters) => (await jobsApi()).inferLater(request, parameters),
    predictLater: async (request, parameters) =>
      (await jobsApi()).predictLater(request, parameters),
    defaultModel,
    isColdStart: ({ requestId }) => requestId === firstRequestId,
    onFailure: ({ method, path }, thrown) => {
      const error = thrown instanceof Error ? thrown : new Error(String(thrown));
      telemetry.logger.error('request failed', { method, path, error });
    },
  });
  const initialization = environment['AWS_LAMBDA_INITIALIZATION_TYPE'];
  await Promise.all([createFirstSession(), preload(prediction, defaultModel, initialization)]);
  // A socket that is open in the snapshot is dead in every environment that is restored from it.
  if (initialization === 'snap-start') s3.config.requestHandler.destroy?.();
  letHeapGrow();
  return observed<GatewayEvent, APIGatewayProxyStructuredResultV2>(telemetry, recycler).handler(
    async (event, { getRemainingTimeInMillis }) => {
      const request = toHttpRequest(event, modelsClaim, getRemainingTimeInMillis(), memory);
      // In every line of the log that this invocation writes; the response has it as `x-request-id`.
      telemetry.logger.setCorrelationId(request.requestId);
      firstRequestId ??= request.requestId;
      return toGatewayResult(await api(request));
    },
  );
}

/** Lambda stops an on-demand init phase after 10 s and starts over: a model that takes longer is left to the first call. */
const onDemandPreloadMs = 8_000;
/** Ahead of any call the phase may take 130 s (docs: lambda-runtime-environment). */
const aheadPreloadMs = 120_000;

/**
 * Brings the default model into memory while the environment starts: under SnapStart it is then in the snapshot, warmed.
 * A failure shows at the first call, with its reason.
 */
async function preload(
  prediction: Prediction,
  model: string | undefined,
  initialization: string | undefined,
): Promise<void> {
  if (model === undefined) return;
  const loading = prediction.load({ model, version: undefined }).catch(() => undefined);
  const ahead = initialization === 'snap-start' || initialization === 'provisioned-concurrency';
  const deadlineMs = ahead ? aheadPreloadMs : onDemandPreloadMs;
  await Promise.race([loading, setTimeout(deadlineMs, undefined, { ref: false })]);
}
