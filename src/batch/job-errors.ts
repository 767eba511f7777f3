import { jobKeys } from '../contract/job-keys.ts';
import { invalidRequest } from '../errors.ts';
import { maximumErrorLineBytes } from './error-lines.ts';
import { listAll, type ObjectHead, type ObjectStore } from './object-store.ts';
import { readBlocks } from './sources/blocks.ts';
import { readLines } from './sources/lines.ts';

/** A failed record, as it stands in an errors file. */
export interface JobErrors {
  readonly errors: readonly unknown[];
  readonly next: string | undefined;
}

/**
 * Failed records of a job in order: of all shards when the job is complete, and of those that are done before.
 *
 * @param after what the page before gave as `next`
 */
export async function readJobErrors(
  results: ObjectStore,
  jobId: string,
  after: string | undefined,
  limit: number,
): Promise<JobErrors> {
  const keys = jobKeys(jobId);
  const cursor = parseCursor(after);
  const merged = await results.head(keys.mergedErrors);
  const errors: unknown[] = [];
  for await (const part of merged === undefined ? parts(results, jobId) : [merged]) {
    const name = part.key.slice(keys.prefix.length);
    if (cursor !== undefined && name < cursor.name) continue;
    const start = cursor?.name === name ? cursor.offset : 0;
    const range = { start, end: part.sizeBytes, maximumBytes: maximumErrorLineBytes };
    // `start` is the end of a line, so the line behind it is the first.
    const from = Math.max(0, start - 1);
    for await (const lines of readLines(readBlocks(results, part, from, part.sizeBytes), range)) {
      for (const { offset, bytes, sizeBytes } of lines) {
        errors.push(parseError(bytes ?? new Uint8Array(0)));
        if (errors.length < limit) continue;
        return { errors, next: `${name}:${offset + sizeBytes + 1}` };
      }
    }
  }
  return { errors, next: undefined };
}

/** Where a record of a packed object was unpacked to concerns nobody but who reads it again. */
function parseError(line: Uint8Array): unknown {
  const error: unknown = JSON.parse(Buffer.from(line).toString());
  return { ...Object(error), stretch: undefined };
}

async function* parts(results: ObjectStore, jobId: string): AsyncGenerator<ObjectHead> {
  for await (const { key } of listAll(results, jobKeys(jobId).errorParts)) {
    const head = await results.head(key);
    if (head !== undefined) yield head;
  }
}

function parseCursor(after: string | undefined): { name: string; offset: number } | undefined {
  if (after === undefined) return undefined;
  const match = /^(errors[\w./-]*):(\d{1,15})$/.exec(after);
  if (match === null) throw invalidRequest('after', 'what a page gave as next', `"${after}"`);
  return { name: match[1] ?? '', offset: Number(match[2]) };
}
