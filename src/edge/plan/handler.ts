import { createS3Client } from '../../adapters/s3/client.ts';
import { createSqsClient } from '../../adapters/sqs/client.ts';
import { jobMeters } from '../../adapters/telemetry/job-meters.ts';
import { createTelemetry, observeModels } from '../../adapters/telemetry/telemetry.ts';
import type { Environment } from '../../contract/environment.ts';
import { createBatchSide } from '../batch-context.ts';
import { parseBatchSettings } from '../batch-settings.ts';
import { letHeapGrow } from '../heap-growth.ts';
import { createModelSide, createRecycler } from '../model-side.ts';
import { queueHandler } from '../queue-handler.ts';
import { parseModelSettings } from '../settings.ts';
import { handlePlanMessage } from './planner.ts';

/** The plan function: uploads become jobs, and jobs shards. */
export function createPlanHandler(environment: Environment) {
  const telemetry = createTelemetry();
  const { logger } = telemetry;
  const s3 = createS3Client();
  const batch = createBatchSide(
    parseBatchSettings(environment),
    { s3, sqs: createSqsClient() },
    { log: logger, meters: jobMeters(telemetry) },
  );
  const modelSettings = parseModelSettings(environment);
  const { models } = createModelSide(modelSettings, s3, observeModels(telemetry));
  const recycler = createRecycler(modelSettings, models, (residentBytes) =>
    logger.warn('memory does not come down: the environment ends', { residentBytes }),
  );
  const context = { ...batch, models };
  letHeapGrow();
  return queueHandler(telemetry, recycler, 'plan message failed', ({ body }, deadlineMs) =>
    handlePlanMessage(context, body, deadlineMs),
  );
}
