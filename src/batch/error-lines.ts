import type { ServingError } from '../errors.ts';
import type { ShardSource } from './shard.ts';
import type { SourceRecord, UnpackedStretch } from './source-record.ts';

/** It may hold the header of a CSV, which has up to a mebibyte and more as JSON. */
export const maximumErrorLineBytes = 4 * 1024 * 1024;

/**
 * A failed record as a line of JSON: where it is, what is wrong with it, and what is needed to read it again by
 * itself. `number` counts from 1 within the shard's stretch of the input; the job's own `errors.jsonl` counts from
 * the start of the object.
 */
export function encodeErrorLine(
  source: ShardSource,
  record: SourceRecord,
  { id, error }: { readonly id?: string | undefined; readonly error: ServingError },
): string {
  const { origin, offset, sizeBytes } = record;
  const object = origin?.object ?? ownObject(source);
  const entry = {
    input: object?.key ?? (source.kind === 'lines' ? source.unpacked?.key : undefined),
    number: origin?.number ?? record.number + 1,
    offset,
    bytes: sizeBytes,
    id,
    code: error.code,
    reason: error.message,
    etag: object?.etag,
    versionId: object?.versionId,
    objectBytes: object?.sizeBytes,
    stretch: origin === undefined ? ownStretch(source) : origin.stretch,
  };
  return `${JSON.stringify(entry)}\n`;
}

/** Of an object that was packed: where a record can be read from again. */
function ownStretch(source: ShardSource): UnpackedStretch | undefined {
  if (source.kind !== 'lines' || source.unpacked === undefined) return undefined;
  const { object, header, unpacked } = source;
  const { key, etag, sizeBytes } = object;
  return { key, etag, sizeBytes, offset: unpacked.offset, header };
}

/** The object that a record can be read from again; undefined for one that was packed. */
function ownObject(source: ShardSource) {
  if (source.kind === 'objects') return undefined;
  return source.kind === 'lines' && source.unpacked !== undefined ? undefined : source.object;
}
