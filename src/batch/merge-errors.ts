import type { JobKeys } from '../contract/job-keys.ts';
import { ServingError } from '../errors.ts';
import type { Part } from './groups.ts';
import type { ObjectStore } from './object-store.ts';
import { type Plan, readPlanGroups } from './plan.ts';
import { isNumberedFromStart, numberedWithin } from './shard.ts';
import { readBlocks } from './sources/blocks.ts';
import { readLines } from './sources/lines.ts';

/**
 * One list of all failed records, in order, whose numbers count from the start of each input object: a shard knows
 * only its own stretch, and how many lines lie before it is known when all shards are done.
 */
export async function mergeErrors(
  results: ObjectStore,
  keys: JobKeys,
  plan: Plan,
  parts: readonly Part[],
): Promise<void> {
  await results.assemble(keys.mergedErrors, renumbered(results, keys, plan, parts), {
    ifAbsent: true,
    contentType: 'application/jsonl',
  });
}

async function* renumbered(
  results: ObjectStore,
  keys: JobKeys,
  plan: Plan,
  parts: readonly Part[],
): AsyncGenerator<Uint8Array> {
  let numbersBefore = 0;
  let object: string | undefined;
  for await (const { shards } of readPlanGroups(results, keys)) {
    for (const shard of shards) {
      const figures = parts[shard.index]?.figures;
      if (figures === undefined) continue;
      const { source } = shard;
      if (numberedWithin(source) !== object) numbersBefore = 0;
      object = numberedWithin(source);
      if (figures.failed > 0) {
        const key = keys.errors(shard.index, plan.shards);
        yield* renumber(results, key, isNumberedFromStart(source) ? 0 : numbersBefore);
      }
      numbersBefore += figures.numbers;
    }
  }
}

async function* renumber(
  results: ObjectStore,
  key: string,
  numbersBefore: number,
): AsyncGenerator<Uint8Array> {
  const part = await results.head(key);
  if (part === undefined) throw new ServingError('INTERNAL', 'an errors part is not there');
  const end = part.sizeBytes;
  const range = { start: 0, end, maximumBytes: end };
  for await (const lines of readLines(readBlocks(results, part, 0, end), range)) {
    let text = '';
    for (const { bytes } of lines) text += addToNumber(bytes ?? new Uint8Array(0), numbersBefore);
    yield Buffer.from(text);
  }
}

function addToNumber(line: Uint8Array, numbersBefore: number): string {
  const text = Buffer.from(line).toString();
  const entry: unknown = JSON.parse(text);
  if (typeof entry !== 'object' || entry === null || !('number' in entry)) return `${text}\n`;
  return `${JSON.stringify({ ...entry, number: Number(entry.number) + numbersBefore })}\n`;
}
