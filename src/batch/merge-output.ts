import type { JobKeys } from '../contract/job-keys.ts';
import { invalidRequest, ServingError } from '../errors.ts';
import { outputContentType } from './formats.ts';
import type { Part } from './groups.ts';
import { inOrder } from './in-order.ts';
import type { Job } from './job.ts';
import type { ObjectHead, ObjectStore, Piece } from './object-store.ts';
import type { BatchContext, TablePart } from './ports.ts';
import { recordsHaveNames, type Shard, type ShardSource } from './shard.ts';

/** Parts that are looked up at a time. */
const parallelParts = 8;
/** Pieces that are merged at a time, when there are more. */
const piecesOfGroup = 1_000;

/**
 * All parts as one object, copied by the store.
 *
 * @returns its size
 */
export async function mergeOutput(
  context: Pick<BatchContext, 'results' | 'tables'>,
  keys: JobKeys,
  job: Job,
  parts: readonly Part[],
): Promise<number> {
  const { results } = context;
  const { format } = job.output;
  const full = parts.filter(({ figures }) => figures.outputBytes > 0);
  const stored = inOrder(full, parallelParts, async ({ shard }): Promise<ObjectHead> => {
    const head = await results.head(keys.output(shard, parts.length, format));
    if (head === undefined) throw new ServingError('INTERNAL', 'an output part is not there');
    return head;
  });
  const pieces = format === 'parquet' ? tablePieces(context, stored) : stored;
  const key = keys.mergedOutput(format);
  const grouped = full.length > piecesOfGroup ? groupPieces(results, keys, pieces) : pieces;
  await results.assemble(key, grouped, { ifAbsent: true, contentType: outputContentType(format) });
  const merged = await results.head(key);
  if (merged === undefined) throw new ServingError('UNAVAILABLE', 'the merged output vanished');
  return merged.sizeBytes;
}

/** Objects of a thousand pieces each: an object cannot be made of more than 10,000, and a merge that died has less to do again. */
async function* groupPieces(
  results: ObjectStore,
  keys: JobKeys,
  pieces: AsyncIterable<Piece>,
): AsyncGenerator<Piece> {
  const iterator = pieces[Symbol.asyncIterator]();
  for (let group = 0; ; group++) {
    const some: Piece[] = [];
    while (some.length < piecesOfGroup) {
      const next = await iterator.next();
      if (next.done === true) break;
      some.push(next.value);
    }
    if (some.length === 0) return;
    const key = keys.mergedGroup(group);
    if ((await results.head(key)) === undefined) {
      await results.assemble(key, some, { ifAbsent: true });
    }
    const merged = await results.head(key);
    if (merged === undefined) throw new ServingError('UNAVAILABLE', 'a merged group vanished');
    yield merged;
  }
}

/** The ranges of the parts that hold rows, between what begins a table and what ends it. */
async function* tablePieces(
  { results, tables }: Pick<BatchContext, 'results' | 'tables'>,
  stored: AsyncIterable<ObjectHead>,
): AsyncGenerator<Piece> {
  for await (const piece of tables.merge(partsOf())) {
    if (piece instanceof Uint8Array) yield piece;
    else yield { ...piece.part.head, start: piece.start, sizeBytes: piece.end - piece.start };
  }
  async function* partsOf(): AsyncGenerator<TablePart & { readonly head: ObjectHead }> {
    for await (const head of stored) {
      const read = (start: number, end: number) => results.read(head, start, end);
      yield { head, name: 'an output part', sizeBytes: head.sizeBytes, read };
    }
  }
}

/**
 * Parts that become one table have the same columns, which follow from what their records come from.
 *
 * @param first the first shard of the plan
 * @throws ServingError INVALID_REQUEST
 */
export function refuseUnlikeColumns(
  job: Job,
  first: Shard | undefined,
  shards: readonly Shard[],
): void {
  if (first === undefined) return;
  const columns = columnsFor(job, first.source);
  const unlike = shards.find(({ source }) => columnsFor(job, source) !== columns);
  if (unlike === undefined) return;
  throw invalidRequest(
    'output.merge',
    'inputs of one kind, whose predictions have the same columns',
    `${nameOf(first.source)} and ${nameOf(unlike.source)}`,
  );
}

/** What the columns of a part depend on, beside the job. */
function columnsFor({ output }: Job, source: ShardSource): string {
  const names = recordsHaveNames(source) ? 'id' : '';
  const joined = output.joinInput && output.format === 'csv' && source.kind === 'lines';
  return `${names},${joined ? (source.header ?? '') : ''}`;
}

function nameOf(source: ShardSource): string {
  return source.kind === 'objects' ? (source.objects[0]?.key ?? '') : source.object.key;
}
