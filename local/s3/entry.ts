import * as v from 'valibot';
import { checksumAlgorithms } from './checksums.ts';
import type { Entry } from './state.ts';

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
/** Milliseconds that JavaScript has a date for. */
const timeMs = v.pipe(count, v.maxValue(8_640_000_000_000_000));
const text = v.string();
const texts = v.record(text, text);

/** The id is a file's name. */
const blobs = v.array(v.object({ id: v.pipe(text, v.hexadecimal()), sizeBytes: count }));

const checksumType = v.picklist(['FULL_OBJECT', 'COMPOSITE']);
const checksumAlgorithm = v.picklist(checksumAlgorithms);
const checksum = v.object({ algorithm: checksumAlgorithm, value: text, type: checksumType });

const attributes = v.object({ headers: texts, metadata: texts, tags: texts, storageClass: text });

const partNumber = v.pipe(count, v.minValue(1), v.maxValue(10_000));
const partFields = { partNumber, sizeBytes: count, etag: text, lastModifiedMs: timeMs, checksum };

const version = v.variant('deleteMarker', [
  v.object({
    deleteMarker: v.literal(false),
    versionId: text,
    lastModifiedMs: timeMs,
    etag: text,
    sizeBytes: count,
    blobs,
    attributes,
    checksum,
    upload: v.exactOptional(v.object({ id: text, parts: v.array(v.object(partFields)) })),
  }),
  v.object({ deleteMarker: v.literal(true), versionId: text, lastModifiedMs: timeMs }),
]);

const upload = v.object({
  id: text,
  key: text,
  initiatedMs: timeMs,
  attributes,
  checksumAlgorithm: v.exactOptional(checksumAlgorithm),
  checksumType,
});

const message = v.object({ id: text, notificationId: text, subject: text, message: text });

/** Beside the operation, what any entry may carry. */
const op = <Name extends Entry['op']>(name: Name) => ({
  op: v.literal(name),
  outbox: v.exactOptional(v.array(message)),
});
const onBucket = <Name extends Entry['op']>(name: Name) => ({ ...op(name), bucket: text });

/** What a line of the journal has to be. */
export const entrySchema: v.GenericSchema<Entry> = v.variant('op', [
  v.object({ ...onBucket('createBucket'), createdMs: timeMs }),
  v.object(onBucket('deleteBucket')),
  v.object({ ...onBucket('setVersioning'), status: v.picklist(['Enabled', 'Suspended']) }),
  v.object({ ...onBucket('put'), key: text, version, uploadId: v.exactOptional(text) }),
  v.object({ ...onBucket('amend'), key: text, version }),
  v.object({ ...onBucket('removeVersion'), key: text, versionId: text }),
  v.object({ ...onBucket('createUpload'), upload }),
  v.object({ ...onBucket('putPart'), uploadId: text, part: v.object({ ...partFields, blobs }) }),
  v.object({ ...onBucket('abortUpload'), uploadId: text }),
  v.object({ ...op('armNotification'), notificationId: text }),
  v.object({ ...op('delivered'), id: text }),
  v.object({ ...op('sequence'), value: count }),
]);
