import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import middy from '@middy/core';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { createFirstSession } from '../../adapters/onnxruntime/first-session.ts';
import { createS3Client } from '../../adapters/s3/client.ts';
import {
  countInference,
  createTelemetry,
  observeModels,
} from '../../adapters/telemetry/telemetry.ts';
import { type Environment, environmentVariables } from '../../contract/environment.ts';
import { Inference } from '../../inference/inference.ts';
import { MicroBatcher } from '../../inference/micro-batcher.ts';
import { InferenceStatistics } from '../../inference/statistics.ts';
import { createModelSide } from '../model-side.ts';
import { parseModelSettings } from '../settings.ts';
import { createApi } from './api.ts';
import { toGatewayResult, toHttpRequest } from './gateway.ts';

/** Version of the wire surface that `GET /v2` tells. */
const version = '0.1.0';

/** Requests that may wait for one model where the host gives an environment several at a time. */
const maxWaiting = 256;

/** The api function: everything is built once for each environment, and a call is one step through it. */
export async function createApiHandler(environment: Environment) {
  const telemetry = createTelemetry();
  const provider = createModelSide(
    parseModelSettings(environment),
    createS3Client(),
    observeModels(telemetry),
  );
  const statistics = new InferenceStatistics(Date.now);
  const nowMs = () => performance.now();
  const inference = new Inference({
    provider,
    batcher: new MicroBatcher({ nowMs, maxWaiting }),
    statistics,
    nowMs,
    onInferred: ({ hit, timings }) => countInference(telemetry, hit, timings),
  });
  let calls = 0;
  const api = createApi({
    version,
    provider,
    inference,
    statistics,
    defaultModel: environment[environmentVariables.defaultModel] || undefined,
    isColdStart: () => calls === 1,
    onFailure: ({ method, path }, thrown) => {
      const error = thrown instanceof Error ? thrown : new Error(String(thrown));
      telemetry.logger.error('request failed', { method, path, error });
    },
  });
  await createFirstSession();
  return middy<APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2>()
    .use(injectLambdaContext(telemetry.logger))
    .use(logMetrics(telemetry.metrics, { captureColdStartMetric: true }))
    .handler(async (event) => {
      calls += 1;
      return toGatewayResult(await api(toHttpRequest(event)));
    });
}
