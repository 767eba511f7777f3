import type { SQSRecord } from 'aws-lambda';
import { createFirstSession } from '../../adapters/onnxruntime/first-session.ts';
import { createS3Client } from '../../adapters/s3/client.ts';
import { createSqsClient } from '../../adapters/sqs/client.ts';
import { jobMeters } from '../../adapters/telemetry/job-meters.ts';
import { createTelemetry, observeModels } from '../../adapters/telemetry/telemetry.ts';
import { parseDocument } from '../../batch/document.ts';
import { defaultTransformLimits, type TransformContext } from '../../batch/ports.ts';
import { shardMessageSchema } from '../../batch/shard.ts';
import { transformShard } from '../../batch/transform-shard.ts';
import type { Environment } from '../../contract/environment.ts';
import { createBatchSide } from '../batch-context.ts';
import { parseBatchSettings } from '../batch-settings.ts';
import { letHeapGrow } from '../heap-growth.ts';
import { createModelSide, createRecycler, predictServices } from '../model-side.ts';
import { queueHandler } from '../queue-handler.ts';
import { parseModelSettings } from '../settings.ts';
import { receiveCountOf } from '../sqs-records.ts';
import { keepInvisible } from './keep-invisible.ts';

/** The transform function: shards become predictions. */
export async function createTransformHandler(environment: Environment) {
  const telemetry = createTelemetry();
  const { logger } = telemetry;
  const s3 = createS3Client();
  const settings = parseBatchSettings(environment);
  const observers = { log: logger, meters: jobMeters(telemetry) };
  const batch = createBatchSide(settings, { s3, sqs: createSqsClient() }, observers);
  const modelSettings = parseModelSettings(environment);
  const { models, predictors } = createModelSide(modelSettings, s3, observeModels(telemetry));
  const recycler = createRecycler(modelSettings, models, (residentBytes) =>
    logger.warn('memory does not come down: the environment ends', { residentBytes }),
  );
  const context: TransformContext = {
    ...batch,
    models,
    predictors,
    services: predictServices(s3, settings.jobsBucket),
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
  letHeapGrow();
  return queueHandler(telemetry, recycler, 'shard failed', work);
}
