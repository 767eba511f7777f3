import { jobKeys } from '../contract/job-keys.ts';
import { invalidRequest, ServingError } from '../errors.ts';
import { inOrder } from './in-order.ts';
import type { InputObject, Job } from './job.ts';
import { listAll, type ObjectStore } from './object-store.ts';
import type { PlanCursor } from './plan.ts';
import type { BatchContext } from './ports.ts';
import { readBlocks } from './sources/blocks.ts';
import { readLines } from './sources/lines.ts';

const maximumKeyBytes = 1024;
/** Objects of a list that are asked for at a time: one by one, a million would take hours. */
const parallelHeads = 32;

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
  yield* inOrder(readKeys(input, list, skip), parallelHeads, async ({ key, line }) => {
    const head = await input.head(key);
    if (head !== undefined) return toInputObject(head);
    throw new ServingError(
      'NOT_FOUND',
      `${list.key}: line ${line} names an object that is not there`,
    );
  });
}

/** @throws ServingError INVALID_REQUEST for a line that is longer than a key may be */
async function* readKeys(
  input: ObjectStore,
  list: InputObject,
  skip: number,
): AsyncGenerator<{ readonly key: string; readonly line: number }> {
  const range = { start: 0, end: list.sizeBytes, maximumBytes: maximumKeyBytes };
  let index = 0;
  for await (const lines of readLines(readBlocks(input, list, 0, list.sizeBytes), range)) {
    for (const { bytes, linesBefore } of lines) {
      if (index++ < skip) continue;
      const line = linesBefore + 1;
      if (bytes === undefined) {
        throw invalidRequest(
          `${list.key}: line ${line}`,
          `a key of at most ${maximumKeyBytes} bytes`,
          'a longer line',
        );
      }
      yield { key: Buffer.from(bytes).toString(), line };
    }
  }
}

export function toInputObject({ key, etag, versionId, sizeBytes }: InputObject): InputObject {
  return { key, etag, sizeBytes, ...(versionId === undefined ? {} : { versionId }) };
}
