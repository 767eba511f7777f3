/**
 * What jobs of 100 million records take on AWS: the formula of docs/capacity.md, with the processor time of a record that
 * `batch/throughput` measures.
 *
 *     npm run bench -- batch/capacity [RECORDS]
 */
import { estimateCost, overheadMsPerShard } from '../../src/batch/cost.ts';
import { groupShards } from '../../src/batch/plan-job.ts';
import { shardSizeFor } from '../../src/batch/shard-size.ts';

const records = Number(process.argv[2] ?? 100_000_000);
const memoryMB = 1_769;
interface Workload {
  readonly name: string;
  /** Microseconds of one core a record, reading, running and writing. */
  readonly recordUs: number;
  readonly recordBytes: number;
  /** Whether each record is an object of its own. */
  readonly isObject?: boolean;
}

const workloads: readonly Workload[] = [
  { name: 'tabular, array', recordUs: 0.7, recordBytes: 120 },
  { name: 'tabular, rows of JSON', recordUs: 1.8, recordBytes: 215 },
  { name: 'tabular, CSV', recordUs: 2.2, recordBytes: 213 },
  { name: 'tabular, requests', recordUs: 13.2, recordBytes: 280 },
  { name: 'MobileNet, array', recordUs: 12_300, recordBytes: 602_112 },
  { name: 'OCR of a line, PNG', recordUs: 44_900, recordBytes: 20_000, isObject: true },
];

console.log(
  'workload                 shards   shard s   core hours   minutes with 10, 100, 1,000   Lambda      SQS       S3    total USD',
);
for (const { name, recordUs, recordBytes, isObject = false } of workloads) {
  const size = shardSizeFor({ msPerRecord: recordUs / 1_000, bytesPerRecord: recordBytes });
  const perShard = Math.max(1, Math.floor(Math.min(size.records, size.bytes / recordBytes)));
  const shards = Math.ceil(records / perShard);
  const oneShardMs = (perShard * recordUs) / 1_000 + overheadMsPerShard;
  const minutes = [10, 100, 1_000].map((environments) =>
    ((Math.ceil(shards / environments) * oneShardMs) / 60_000).toFixed(1).padStart(9),
  );
  const cost = estimateCost({
    shards,
    failedShards: 0,
    groups: Math.ceil(shards / groupShards),
    objects: isObject ? records : 1,
    inputBytes: records * recordBytes,
    workMs: (records * recordUs) / 1_000,
    memoryMB,
  });
  const hours = ((shards * oneShardMs) / 3_600_000).toFixed(2);
  const dollars = [cost.lambda, cost.sqs, cost.s3, cost.total].map((part) =>
    part.toFixed(3).padStart(9),
  );
  console.log(
    `${name.padEnd(22)}${String(shards).padStart(9)}${(oneShardMs / 1_000).toFixed(1).padStart(10)}${hours.padStart(13)}${minutes.join('').padStart(31)}${dollars.join('')}`,
  );
}
