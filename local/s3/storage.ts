import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { BlobFolder } from './blobs.ts';
import { DurableState } from './durable-state.ts';
import type { Blob, Bucket, Version } from './model.ts';
import { type Entry, referencedBlobs, type State } from './state.ts';

/** What a store is kept in. */
export interface Storage {
  readonly durable: DurableState;
  readonly blobs: BlobFolder;
}

/**
 * Opens journal and blobs below a folder.
 * @param onProblem told in one sentence what of a damaged journal is lost, and of rewrites that fail later
 */
export async function openStorage(
  dataDir: string,
  onProblem: (message: string, error?: unknown) => void,
): Promise<Storage> {
  await mkdir(dataDir, { recursive: true });
  const journalPath = join(dataDir, 'journal.jsonl');
  const durable = await DurableState.open(journalPath, onProblem);
  const blobs = await BlobFolder.open(join(dataDir, 'blobs'), referencedBlobs(durable.state));
  if (durable.damage !== undefined) {
    onProblem(durable.damage + dropWithoutBytes(durable, blobs));
  } else if (durable.state.buckets.size === 0 && blobs.sweptCount > 0) {
    onProblem(`${journalPath} is empty or gone: dropped ${blobs.sweptCount} objects that it named`);
  }
  return { durable, blobs };
}

/**
 * A journal that has lost lines brings back what they had replaced or removed, without its bytes: such versions and
 * uploads go too, so that nothing is listed that cannot be read.
 * @returns the end of a sentence that says how many; empty for none
 */
function dropWithoutBytes(durable: DurableState, blobs: BlobFolder): string {
  const entries = [...removalsOf(durable.state, blobs.missing)];
  for (const entry of entries) blobs.remove(durable.commit(entry));
  return entries.length === 0
    ? ''
    : `, and with them ${entries.length} objects or uploads whose bytes are gone`;
}

function* removalsOf({ buckets }: State, missing: ReadonlySet<string>): Generator<Entry> {
  const isGone = (blobs: readonly Blob[]) => blobs.some(({ id }) => missing.has(id));
  for (const bucket of buckets.values()) {
    for (const { key, version } of versionsOf(bucket)) {
      if (version.deleteMarker || !isGone(version.blobs)) continue;
      yield { op: 'removeVersion', bucket: bucket.name, key, versionId: version.versionId };
    }
    for (const { id, parts } of bucket.uploads.values()) {
      if (![...parts.values()].some(({ blobs }) => isGone(blobs))) continue;
      yield { op: 'abortUpload', bucket: bucket.name, uploadId: id };
    }
  }
}

function* versionsOf({ objects }: Bucket): Generator<{ key: string; version: Version }> {
  for (const [key, versions] of objects) for (const version of versions) yield { key, version };
}
