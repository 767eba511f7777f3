import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import middy from '@middy/core';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { createS3Client } from '../../adapters/s3/client.ts';
import { createSqsClient } from '../../adapters/sqs/client.ts';
import { createTelemetry, observeModels } from '../../adapters/telemetry/telemetry.ts';
import type { Environment } from '../../contract/environment.ts';
import { createBatchSide } from '../batch-context.ts';
import { parseBatchSettings } from '../batch-settings.ts';
import { createModelSide } from '../model-side.ts';
import { parseModelSettings } from '../settings.ts';
import { handleEach } from '../sqs-records.ts';
import { handlePlanMessage } from './planner.ts';

/** The plan function: uploads become jobs, and jobs shards. */
export function createPlanHandler(environment: Environment) {
  const telemetry = createTelemetry();
  const { logger } = telemetry;
  const s3 = createS3Client();
  const batch = createBatchSide(
    parseBatchSettings(environment),
    { s3, sqs: createSqsClient() },
    logger,
  );
  const { models } = createModelSide(
    parseModelSettings(environment),
    s3,
    observeModels(telemetry),
  );
  const context = { ...batch, models };
  return middy<SQSEvent, SQSBatchResponse>()
    .use(injectLambdaContext(logger))
    .use(logMetrics(telemetry.metrics, { captureColdStartMetric: true }))
    .handler(async (event, { getRemainingTimeInMillis }) => {
      const deadlineMs = Date.now() + getRemainingTimeInMillis();
      return handleEach(
        event,
        ({ body }) => handlePlanMessage(context, body, deadlineMs),
        ({ messageId }, thrown) => {
          const error = thrown instanceof Error ? thrown : new Error(String(thrown));
          logger.error('plan message failed', { messageId, error });
        },
      );
    });
}
