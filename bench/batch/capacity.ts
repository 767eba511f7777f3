/**
 * What jobs of 100 million records take on AWS: the formula of docs/capacity.md, with the processor time of a record that
 * `batch/throughput` measures.
 *
 *     npm run bench -- batch/capacity [RECORDS]
 */
import { estimateCost, overheadMsPerShard } from '../../src/batch/cost.ts';
import { groupShards, mediaObjects } from '../../src/batch/plan-group.ts';
import { shardSizeFor } from '../../src/batch/shard-size.ts';

const total = Number(process.argv[2] ?? 100_000_000);
const memoryMB = 1_769;
interface Workload {
  readonly name: string;
  /** Microseconds of one core a record, reading, running and writing. */
  readonly recordUs: number;
  readonly recordBytes: number;
  /** Of a prediction, with its line end. */
  readonly outputBytes: number;
  /** What shards are cut out of: rows that are counted, bytes of lines, or objects that are a record each. */
  readonly of: 'rows' | 'lines' | 'objects';
}

const workloads: readonly Workload[] = [
  { name: 'tabular, array', recordUs: 0.5, recordBytes: 120, outputBytes: 25, of: 'rows' },
  { name: 'tabular, rows of JSON', recordUs: 1.3, recordBytes: 215, outputBytes: 25, of: 'lines' },
  { name: 'tabular, CSV', recordUs: 1.5, recordBytes: 213, outputBytes: 25, of: 'lines' },
  { name: 'tabular, requests', recordUs: 1.9, recordBytes: 280, outputBytes: 140, of: 'lines' },
  {
    name: 'MobileNet, array',
    recordUs: 12_000,
    recordBytes: 602_112,
    outputBytes: 12_000,
    of: 'rows',
  },
  {
    name: 'OCR of a line, PNG',
    recordUs: 44_700,
    recordBytes: 20_000,
    outputBytes: 120,
    of: 'objects',
  },
];

console.log(
  'workload                 shards   shard s   core hours   minutes with 10, 100, 1,000   Lambda      SQS       S3    total USD',
);
for (const { name, recordUs, recordBytes, outputBytes, of } of workloads) {
  const size = shardSizeFor({ msPerRecord: recordUs / 1_000, bytesPerRecord: recordBytes });
  const records = {
    rows: size.records,
    lines: size.bytes / recordBytes,
    objects: Math.min(size.records, mediaObjects),
  };
  const perShard = Math.max(1, Math.floor(records[of]));
  const shards = Math.ceil(total / perShard);
  const oneShardMs = (perShard * recordUs) / 1_000 + overheadMsPerShard;
  const minutes = [10, 100, 1_000].map((environments) =>
    ((Math.ceil(shards / environments) * oneShardMs) / 60_000).toFixed(1).padStart(9),
  );
  const cost = estimateCost({
    shards,
    failedShards: 0,
    groups: Math.ceil(shards / groupShards),
    objects: of === 'objects' ? total : 1,
    inputBytes: total * recordBytes,
    outputBytes: total * outputBytes,
    isMerged: false,
    workMs: (total * recordUs) / 1_000,
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
