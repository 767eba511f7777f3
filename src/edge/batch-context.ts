import type { S3Client } from '@aws-sdk/client-s3';
import type { SQSClient } from '@aws-sdk/client-sqs';
import {
  createEventBridgeClient,
  EventBridgeJobEvents,
} from '../adapters/eventbridge/job-events.ts';
import { createTableFiles } from '../adapters/parquet/table-files.ts';
import { S3ObjectStore } from '../adapters/s3/object-store.ts';
import { SqsWorkQueue } from '../adapters/sqs/work-queue.ts';
import type { PlanMessage } from '../batch/plan-message.ts';
import type { BatchContext, JobEvents } from '../batch/ports.ts';
import type { ShardMessage } from '../batch/shard.ts';
import type { BatchSettings } from './batch-settings.ts';
import { kernelRandomId } from './randomness.ts';

/** The batch room's ports over AWS. */
export interface BatchSide extends BatchContext {
  readonly shards: SqsWorkQueue<ShardMessage>;
  readonly plans: SqsWorkQueue<PlanMessage>;
}

export function createBatchSide(
  settings: BatchSettings,
  clients: { readonly s3: S3Client; readonly sqs: SQSClient },
  observers: Pick<BatchContext, 'log' | 'meters'>,
): BatchSide {
  return {
    input: new S3ObjectStore(clients.s3, settings.jobsBucket),
    results: new S3ObjectStore(clients.s3, settings.resultsBucket),
    shards: new SqsWorkQueue(clients.sqs, settings.shardQueueUrl),
    plans: new SqsWorkQueue(clients.sqs, settings.planQueueUrl),
    events: eventsOf(settings),
    tables: createTableFiles(),
    memoryMB: settings.memoryMB,
    nowMs: Date.now,
    newId: kernelRandomId,
    ...observers,
  };
}

function eventsOf({ eventBusName }: BatchSettings): JobEvents {
  if (eventBusName === undefined) return { completed: () => Promise.resolve() };
  return new EventBridgeJobEvents(createEventBridgeClient(), eventBusName);
}
