import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import middy from '@middy/core';
import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { createFirstSession } from '../../adapters/onnxruntime/first-session.ts';
import { createS3Client } from '../../adapters/s3/client.ts';
import { createSqsClient } from '../../adapters/sqs/client.ts';
import { createTelemetry, observeModels } from '../../adapters/telemetry/telemetry.ts';
import { parseDocument } from '../../batch/document.ts';
import { defaultTransformLimits } from '../../batch/ports.ts';
import { shardMessageSchema } from '../../batch/shard.ts';
import { transformShard } from '../../batch/transform-shard.ts';
import type { Environment } from '../../contract/environment.ts';
import { createBatchSide } from '../batch-context.ts';
import { parseBatchSettings } from '../batch-settings.ts';
import { createModelSide } from '../model-side.ts';
import { parseModelSettings } from '../settings.ts';
import { handleEach, receiveCountOf } from '../sqs-records.ts';
import { keepInvisible } from './keep-invisible.ts';

/** The transform function: shards become predictions. */
export async function createTransformHandler(environment: Environment) {
  const telemetry = createTelemetry();
  const { logger } = telemetry;
  const s3 = createS3Client();
  const settings = parseBatchSettings(environment);
  const batch = createBatchSide(settings, { s3, sqs: createSqsClient() }, logger);
  const context = {
    ...batch,
    models: createModelSide(parseModelSettings(environment), s3, observeModels(telemetry)).models,
    monotonicMs: () => performance.now(),
    limits: defaultTransformLimits,
    maxReceiveCount: settings.shardMaxReceiveCount,
  };

  const work = async (record: SQSRecord, deadlineMs: number) => {
    const message = parseDocument(shardMessageSchema, record.body, 'shard message');
    const stop = keepInvisible(
      (seconds) => batch.shards.extend(record.receiptHandle, seconds),
      settings.shardVisibilitySeconds,
    );
    try {
      const receiveCount = receiveCountOf(record);
      await transformShard(context, { message, receiveCount, deadlineMs });
    } finally {
      stop();
    }
  };

  await createFirstSession();
  return middy<SQSEvent, SQSBatchResponse>()
    .use(injectLambdaContext(logger))
    .use(logMetrics(telemetry.metrics, { captureColdStartMetric: true }))
    .handler(async (event, { getRemainingTimeInMillis }) => {
      const deadlineMs = Date.now() + getRemainingTimeInMillis();
      return handleEach(
        event,
        (record) => work(record, deadlineMs),
        ({ messageId }, thrown) => {
          const error = thrown instanceof Error ? thrown : new Error(String(thrown));
          logger.error('shard failed', { messageId, error });
        },
      );
    });
}
