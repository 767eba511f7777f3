import type { Figures } from './figures.ts';
import type { Plan } from './plan.ts';

/** List prices in US dollars (us-east-1, x86, read in 2026): an estimate that a bill may differ from. */
export const prices = {
  lambdaGBSecond: 0.0000166667,
  lambdaRequest: 0.2 / 1e6,
  sqsRequest: 0.4 / 1e6,
  /** PUT, COPY, POST, LIST. */
  s3Write: 0.005 / 1e3,
  /** GET, HEAD. */
  s3Read: 0.0004 / 1e3,
} as const;

/** S3 requests of a job whatever its size: its documents, their reads, its marks in the list, its end. */
export const requestsPerJob = { writes: 10, reads: 20 } as const;
/** Of a shard: output part and mark, one listing; job, decision, control. */
export const requestsPerShard = { writes: 3, reads: 3 } as const;
/** Of a shard with failed records: prepared, and copied to their place. */
export const requestsPerFailedShard = { writes: 2, reads: 2 } as const;
/** Of a group of shards: planned, summed up, and read again at the end. */
export const requestsPerGroup = { writes: 3, reads: 3 } as const;
/** Output parts above this are uploaded in parts of so many bytes, begun and ended by a request each, with their figures beside. */
export const partBytes = 8 * 1024 * 1024;
export const requestsPerUpload = 3;
/** Of a shard whose output is merged: copied, and looked up. */
export const requestsPerMerged = { writes: 1, reads: 1 } as const;
/** What one read of the input fetches. */
export const readBytes = 4 * 1024 * 1024;
/** Sent, received, kept hidden once, deleted; ten to a call when they are sent. */
export const sqsRequestsPerShard = 3.1;
/** What an invocation spends beside the work on its shard: requests that wait, and taking the message. */
export const overheadMsPerShard = 300;

export interface CostEstimate {
  readonly lambda: number;
  readonly sqs: number;
  readonly s3: number;
  readonly total: number;
}

export interface JobSize {
  readonly shards: number;
  readonly failedShards: number;
  readonly groups: number;
  /** Objects of the input: each is a read at least. */
  readonly objects: number;
  readonly inputBytes: number;
  readonly outputBytes: number;
  /** Whether parts become one object. */
  readonly isMerged: boolean;
  /** Work on all shards together. */
  readonly workMs: number;
  readonly memoryMB: number;
}

/** What a job costs, by part, in US dollars: requests as they are counted, and time as it was measured. */
export function estimateCost(size: JobSize): CostEstimate {
  const { shards, failedShards, groups, objects, inputBytes, workMs, memoryMB } = size;
  const merged = size.isMerged ? shards : 0;
  const writes =
    uploadRequests(size) +
    merged * requestsPerMerged.writes +
    requestsPerJob.writes +
    shards * requestsPerShard.writes +
    failedShards * requestsPerFailedShard.writes +
    groups * requestsPerGroup.writes;
  const reads =
    requestsPerJob.reads +
    shards * requestsPerShard.reads +
    failedShards * requestsPerFailedShard.reads +
    groups * requestsPerGroup.reads +
    Math.max(objects, Math.ceil(inputBytes / readBytes)) +
    merged * requestsPerMerged.reads +
    shards;
  const seconds = (workMs + (shards + 1) * overheadMsPerShard) / 1_000;
  const lambda =
    ((seconds * memoryMB) / 1_024) * prices.lambdaGBSecond + (shards + 1) * prices.lambdaRequest;
  const sqs = (shards * sqsRequestsPerShard + 3) * prices.sqsRequest;
  const s3 = writes * prices.s3Write + reads * prices.s3Read;
  return { lambda, sqs, s3, total: lambda + sqs + s3 };
}

/** What output parts take beside their one request each, when they are large. */
function uploadRequests({ shards, outputBytes }: JobSize): number {
  const bytes = outputBytes / Math.max(shards, 1);
  return bytes < partBytes ? 0 : shards * (Math.ceil(bytes / partBytes) + requestsPerUpload - 1);
}

/** The cost of a job that is complete. */
export function costOf(
  plan: Plan,
  parts: readonly { readonly figures: Figures }[],
  isMerged: boolean,
  memoryMB: number,
): CostEstimate {
  return estimateCost({
    shards: plan.shards,
    failedShards: parts.filter(({ figures }) => figures.failed > 0).length,
    groups: plan.groups,
    objects: plan.objects,
    inputBytes: plan.bytes,
    outputBytes: parts.reduce((sum, { figures }) => sum + figures.outputBytes, 0),
    isMerged,
    workMs: parts.reduce((sum, { figures }) => sum + figures.workMs, 0),
    memoryMB,
  });
}
