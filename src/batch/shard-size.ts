import type { Calibration } from './calibration.ts';

const MiB = 1024 * 1024;
const defaultBytes = 8 * MiB;
const minimumBytes = MiB / 4;
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

/** @param calibration what is known of the model; undefined for one that nobody has measured */
export function shardSizeFor(
  calibration: Pick<Calibration, 'msPerRecord' | 'bytesPerRecord'> | undefined,
): ShardSize {
  const { msPerRecord, bytesPerRecord } = calibration ?? {};
  if (msPerRecord === undefined) return { bytes: defaultBytes, records: defaultRecords };
  const records = shardMs / Math.max(msPerRecord, 0.001);
  return {
    bytes:
      bytesPerRecord === undefined
        ? defaultBytes
        : Math.round(Math.min(Math.max(records * bytesPerRecord, minimumBytes), maximumBytes)),
    records: Math.min(Math.max(Math.round(records), 1), maximumRecords),
  };
}
