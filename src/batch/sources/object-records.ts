import type { InputObject } from '../job.ts';
import type { ObjectSource } from '../shard.ts';
import {
  type InputReads,
  maximumRecordBytes,
  type Position,
  type RecordReader,
  type SourceRecord,
  tooLarge,
} from '../source-record.ts';

/** Objects that are read side by side: S3 takes a moment for each. */
const parallelReads = 8;

/** Whole objects, one record each. */
export async function* readObjectRecords(
  store: InputReads,
  source: ObjectSource,
  from: Position,
): RecordReader {
  const { objects, before } = source;
  const pending: Promise<SourceRecord>[] = [];
  let next = from.offset;
  const begin = () => {
    const object = objects[next];
    if (object === undefined) return;
    const record = readObject(store, object, next, before);
    // Its failure is told when it is awaited, which may be never.
    record.catch(() => undefined);
    pending.push(record);
    next += 1;
  };
  for (let count = 0; count < parallelReads; count++) begin();
  for (let first = pending.shift(); first !== undefined; first = pending.shift()) {
    const record = await first;
    begin();
    yield [record];
  }
  return before + objects.length;
}

async function readObject(
  store: InputReads,
  object: InputObject,
  index: number,
  before: number,
): Promise<SourceRecord> {
  const { sizeBytes } = object;
  return {
    origin: { object },
    number: before + index,
    offset: undefined,
    sizeBytes,
    next: index + 1,
    nextNumber: before + index + 1,
    count: 1,
    content:
      sizeBytes > maximumRecordBytes
        ? tooLarge(sizeBytes)
        : {
            kind: 'object',
            bytes: sizeBytes === 0 ? new Uint8Array(0) : await store.read(object, 0, sizeBytes),
          },
  };
}
