import { jobKeys } from '../contract/job-keys.ts';
import { ServingError } from '../errors.ts';

import type { InputObject, Job } from './job.ts';

import { listAll, type ObjectStore } from './object-store.ts';
import type { PlanCursor } from './plan.ts';
import type { BatchContext } from './ports.ts';
import { readBlocks } from './sources/blocks.ts';
import { readLines } from './sources/lines.ts';

const maximumKeyBytes = 1024;

/** The objects of a job's input from a cursor on, in an order that does not change. */
export async function* readInputObjects(
  { input }: Pick<BatchContext, 'input'>,
  job: Job,
  cursor: PlanCursor,
): AsyncGenerator<InputObject> {
  switch (job.input.kind) {
    case 'objects':
      yield* job.input.objects.slice(cursor.objects);
      return;
    case 'prefix':
      for await (const object of listAll(input, job.input.prefix, cursor.startAfter)) {
        if (isRecordObject(object.key)) yield toInputObject(object);
      }
      return;
    case 'list':
      yield* readListed(input, job.input.object, cursor.objects);
      return;
    case 'errors':
    case 'request':
      // What is planned lies in the results bucket.
      return;
  }
}

/** Not what a console leaves behind when it makes a folder, and not the document that asked for the job. */
function isRecordObject(key: string): boolean {
  return !key.endsWith('/') && !key.endsWith('.job.json');
}

/**
 * The errors files of a job, after those that are planned: the one of all failed records, or, for a job that has
 * not come to its end, those of its shards.
 */
export async function* readErrorObjects(
  results: ObjectStore,
  jobId: string,
  skip: number,
): AsyncGenerator<InputObject> {
  const keys = jobKeys(jobId);
  const merged = await results.head(keys.mergedErrors);
  if (merged !== undefined) {
    if (skip === 0) yield toInputObject(merged);
    return;
  }
  let index = 0;
  for await (const object of listAll(results, keys.errorParts)) {
    if (index++ >= skip) yield toInputObject(object);
  }
}

async function* readListed(
  input: ObjectStore,
  list: InputObject,
  skip: number,
): AsyncGenerator<InputObject> {
  const range = { start: 0, end: list.sizeBytes, maximumBytes: maximumKeyBytes };
  let index = 0;
  for await (const lines of readLines(readBlocks(input, list, 0, list.sizeBytes), range)) {
    for (const { bytes, linesBefore } of lines) {
      if (index++ < skip) continue;
      const key = Buffer.from(bytes ?? new Uint8Array(0)).toString();
      const head = await input.head(key);
      if (head === undefined) {
        throw new ServingError(
          'NOT_FOUND',
          `${list.key}: line ${linesBefore + 1} names an object that is not there`,
        );
      }
      yield toInputObject(head);
    }
  }
}

export function toInputObject({ key, etag, versionId, sizeBytes }: InputObject): InputObject {
  return { key, etag, sizeBytes, ...(versionId === undefined ? {} : { versionId }) };
}
