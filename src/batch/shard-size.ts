import type { TaskType } from '../models/task-configuration.ts';
import type { Pace } from './pace.ts';

const MiB = 1024 * 1024;
const defaultBytes = 8 * MiB;
const maximumBytes = 512 * MiB;
/** Of a model that nobody has measured: enough that a shard costs more than what stands around it. */
const defaultRecords = 10_000;
const maximumRecords = 8_000_000;
/** What a shard aims at: far below a function's timeout, far above what one costs beside its work. */
const shardMs = 30_000;

/** At how many bytes of input, or records where the input counts them, a shard ends. */
export interface ShardSize {
  readonly bytes: number;
  readonly records: number;
}

const pictures = { msPerRecord: 100 };
const sounds = { msPerRecord: 300 };
const sentences = { msPerRecord: 10, bytesPerRecord: 100 };

/**
 * What is taken for a task's pace until a job has told, on one processor: far slower than rows of numbers, for which nothing
 * is. Three times too much or too little, shards still end between ten seconds and a minute and a half.
 */
const assumedPaces: Readonly<Record<TaskType, Partial<Pace> | undefined>> = {
  tensor: undefined,
  'tabular-classification': undefined,
  'tabular-regression': undefined,
  'image-classification': pictures,
  'object-detection': pictures,
  'image-segmentation': pictures,
  'text-detection': pictures,
  'text-recognition': pictures,
  'image-feature-extraction': pictures,
  'feature-extraction': sentences,
  'text-classification': sentences,
  'token-classification': sentences,
  'audio-classification': sounds,
  'voice-activity-detection': sounds,
  // Several models for each picture, and some of them for each of its regions.
  pipeline: { msPerRecord: 1_000 },
};

/**
 * @param pace what is known of the model; undefined for one that nobody has measured
 * @param task what the model declares
 */
export function shardSizeFor(pace: Pace | undefined, task?: TaskType): ShardSize {
  const assumed = task === undefined ? undefined : assumedPaces[task];
  const { msPerRecord, bytesPerRecord } = pace ?? assumed ?? {};
  if (msPerRecord === undefined) return { bytes: defaultBytes, records: defaultRecords };
  const records = Math.max(1, shardMs / Math.max(msPerRecord, 0.001));
  const bytes = bytesPerRecord === undefined ? defaultBytes : records * bytesPerRecord;
  return {
    bytes: Math.max(1, Math.round(Math.min(bytes, maximumBytes))),
    records: Math.round(Math.min(records, maximumRecords)),
  };
}
