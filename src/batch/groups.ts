import * as v from 'valibot';
import type { JobKeys } from '../contract/job-keys.ts';
import { encodeDocument, readDocument } from './document.ts';
import {
  encodeFigures,
  type Figures,
  parseFigures,
  parseNumberedFigures,
  sumFigures,
} from './figures.ts';
import { listAll, type ObjectStore } from './object-store.ts';

const groupSchema = v.object({
  group: v.number(),
  shards: v.array(v.object({ shard: v.number(), figures: v.string() })),
});

/** A group whose shards are all done. */
export interface CompleteGroup {
  /** Of what holds its shards. */
  readonly key: string;
  /** Of all its shards together. */
  readonly figures: Figures;
}

/** A shard's part of a job that is complete. */
export interface Part {
  readonly shard: number;
  readonly figures: Figures;
}

/** Writes down that a group is complete, with the figures of each of its shards. */
export async function writeGroup(
  results: ObjectStore,
  keys: JobKeys,
  group: number,
  done: ReadonlyMap<number, Figures>,
): Promise<void> {
  const shards = [...done]
    .sort(([left], [right]) => left - right)
    .map(([shard, figures]) => ({ shard, figures: encodeFigures(figures) }));
  const figures = encodeFigures(sumFigures(done.values()));
  await results.put(keys.group(group, figures), encodeDocument({ group, shards }), {
    contentType: 'application/json',
  });
}

/** The groups that are complete, by their numbers: one listing for each thousand of them. */
export async function readGroups(
  results: ObjectStore,
  keys: JobKeys,
): Promise<Map<number, CompleteGroup>> {
  const groups = new Map<number, CompleteGroup>();
  for await (const { key } of listAll(results, keys.groups)) {
    const entry = parseNumberedFigures(key);
    if (entry !== undefined) groups.set(entry.number, { key, figures: entry.figures });
  }
  return groups;
}

/** Every shard of the groups with its figures, in order. */
export async function readParts(
  results: ObjectStore,
  groups: Iterable<CompleteGroup>,
): Promise<Part[]> {
  const parts = new Map<number, Figures>();
  for (const { key } of groups) {
    const group = await readDocument(results, key, groupSchema);
    for (const { shard, figures } of group?.shards ?? []) {
      const parsed = parseFigures(figures);
      if (parsed !== undefined) parts.set(shard, parsed);
    }
  }
  return [...parts]
    .sort(([left], [right]) => left - right)
    .map(([shard, figures]) => ({ shard, figures }));
}
