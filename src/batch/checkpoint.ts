import * as v from 'valibot';
import type { JobKeys } from '../contract/job-keys.ts';
import { decideDocument, readDocument } from './document.ts';
import { listAll, type ObjectStore, type StoredPiece } from './object-store.ts';
import type { Position } from './source-record.ts';

const number = v.number();
const positionSchema = v.object({ records: number, offset: number, number });
const pieceSchema = v.object({ key: v.string(), etag: v.string(), sizeBytes: number });

/**
 * A stretch of a shard whose predictions are kept: what a shard has done when its output outgrows memory, or when
 * it hands over what is left. The document decides, under a key that is the stretch's first record, and names the
 * objects that hold predictions and failed records.
 */
export const segmentSchema = v.object({
  from: positionSchema,
  to: positionSchema,
  failed: number,
  output: v.optional(pieceSchema),
  errors: v.optional(pieceSchema),
  /** CRC-32 of the shard's output up to and with this segment. */
  outputCrc32: number,
  runMs: number,
  workMs: number,
});
export type Segment = v.InferOutput<typeof segmentSchema>;

const recordDigits = 12;

function segmentKey(keys: JobKeys, shard: number, firstRecord: number): string {
  return `${keys.segments(shard)}${String(firstRecord).padStart(recordDigits, '0')}.json`;
}

/** The segments of a shard that follow each other from its first record on. */
export async function readSegments(
  results: ObjectStore,
  keys: JobKeys,
  shard: number,
): Promise<Segment[]> {
  const decided = new Set<string>();
  for await (const { key } of listAll(results, keys.segments(shard))) decided.add(key);
  const segments: Segment[] = [];
  let next = segmentKey(keys, shard, 0);
  while (decided.has(next)) {
    const segment = await readDocument(results, next, segmentSchema);
    if (segment === undefined) break;
    segments.push(segment);
    next = segmentKey(keys, shard, segment.to.records);
  }
  return segments;
}

/** What a new segment holds. */
export interface SegmentContent {
  readonly from: Position;
  readonly to: Position;
  readonly failed: number;
  readonly output: Uint8Array;
  readonly errors: Uint8Array;
  readonly outputCrc32: number;
  readonly runMs: number;
  readonly workMs: number;
}

/**
 * Keeps a segment, unless another attempt kept one from the same record on.
 *
 * @returns the segment that is valid, and whether it is this one
 */
export async function writeSegment(
  results: ObjectStore,
  keys: JobKeys,
  shard: number,
  attempt: string,
  content: SegmentContent,
): Promise<{ readonly segment: Segment; readonly written: boolean }> {
  const { from, to, failed, outputCrc32, runMs, workMs } = content;
  const prefix = `${keys.segments(shard)}${attempt}.${from.records}`;
  const output = await store(results, `${prefix}.output`, content.output);
  const errors = await store(results, `${prefix}.errors`, content.errors);
  const key = segmentKey(keys, shard, from.records);
  const decision = await decideDocument(results, key, segmentSchema, {
    from,
    to,
    failed,
    output,
    errors,
    outputCrc32,
    runMs,
    workMs,
  });
  return { segment: decision.document, written: decision.written };
}

async function store(
  results: ObjectStore,
  key: string,
  body: Uint8Array,
): Promise<StoredPiece | undefined> {
  if (body.byteLength === 0) return undefined;
  await results.put(key, body);
  const head = await results.head(key);
  if (head === undefined) return undefined;
  return { key, etag: head.etag, sizeBytes: head.sizeBytes };
}
