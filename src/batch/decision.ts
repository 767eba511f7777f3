import type { JobKeys } from '../contract/job-keys.ts';
import { ServingError } from '../errors.ts';
import { encodeFigures, type Figures, parseFigures } from './figures.ts';
import { outputContentType } from './formats.ts';
import type { Job } from './job.ts';
import type { ObjectStore, Piece, PutOutcome } from './object-store.ts';
import type { ShardMessage } from './shard.ts';
import { StreamedObject } from './streamed-object.ts';

/**
 * How a shard is decided, exactly once whatever is delivered twice or dies in between:
 *
 * 1. prepare: failed records go under a key of the attempt's own;
 * 2. decide: the output part is written unless there is one, and says in its metadata which attempt it is of and
 *    what the figures are; one that was begun before they were known leaves them to an object of the attempt;
 * 3. publish: failed records are copied from where the deciding attempt prepared them to their final key, and the
 *    shard is marked as done. Whoever finds a decided shard can publish it, and does the same.
 */
export interface Decision {
  readonly attempt: string;
  readonly figures: Figures;
}

/** Output and errors of a shard: pieces of them, or on their way already. */
export interface DecisionParts {
  readonly output: readonly Piece[] | StreamedObject;
  readonly errors: readonly Piece[] | StreamedObject;
}

const jsonLines = 'application/jsonl';

export function outputKey(keys: JobKeys, job: Job, message: ShardMessage): string {
  return keys.output(message.shard.index, message.shards, job.output.format);
}

/** The decision on a shard; undefined while there is none. */
export async function readDecision(
  results: ObjectStore,
  keys: JobKeys,
  job: Job,
  message: ShardMessage,
): Promise<Decision | undefined> {
  const head = await results.head(outputKey(keys, job, message));
  if (head === undefined) return undefined;
  const { attempt } = head.metadata;
  const figures = parseFigures(
    head.metadata['figures'] ?? (await readFigures(results, keys, message, attempt)),
  );
  if (attempt === undefined || figures === undefined) {
    throw new ServingError('INTERNAL', 'output part: expected metadata of an attempt, got none');
  }
  return { attempt, figures };
}

/** What an attempt that uploaded its output while it made it had come to at its end. */
async function readFigures(
  results: ObjectStore,
  keys: JobKeys,
  { shard }: ShardMessage,
  attempt = '',
): Promise<string> {
  const stored = await results.get(keys.figures(shard.index, attempt));
  return Buffer.from(stored?.body ?? []).toString();
}

/** An output part that is uploaded while it is made. Its figures are written before its end. */
export function streamOutput(
  results: ObjectStore,
  keys: JobKeys,
  job: Job,
  message: ShardMessage,
  attempt: string,
): StreamedObject {
  return new StreamedObject(results, outputKey(keys, job, message), {
    ifAbsent: true,
    contentType: outputContentType(job.output.format),
    metadata: { attempt },
  });
}

/** The failed records of an attempt that uploads them while it goes on. */
export function streamErrors(
  results: ObjectStore,
  keys: JobKeys,
  { shard }: ShardMessage,
  attempt: string,
): StreamedObject {
  return new StreamedObject(results, keys.prepared(shard.index, attempt));
}

/** The decision that holds: this one, or one that was there before. */
export async function decide(
  results: ObjectStore,
  keys: JobKeys,
  job: Job,
  message: ShardMessage,
  decision: Decision,
  { output, errors }: DecisionParts,
): Promise<Decision> {
  const { attempt, figures } = decision;
  const { index } = message.shard;
  if (errors instanceof StreamedObject) await errors.end();
  else if (figures.failed > 0) await results.assemble(keys.prepared(index, attempt), errors);
  const encoded = encodeFigures(figures);
  let outcome: PutOutcome;
  if (output instanceof StreamedObject) {
    await results.put(keys.figures(index, attempt), encoded);
    outcome = await output.end();
  } else {
    outcome = await results.assemble(outputKey(keys, job, message), output, {
      ifAbsent: true,
      contentType: outputContentType(job.output.format),
      metadata: { attempt, figures: encoded },
    });
  }
  if (outcome === 'written') return decision;
  const earlier = await readDecision(results, keys, job, message);
  if (earlier === undefined) {
    throw new ServingError('UNAVAILABLE', 'output part vanished while it was read');
  }
  return earlier;
}

/** Brings what follows from a decision to its place. */
export async function publish(
  results: ObjectStore,
  keys: JobKeys,
  message: ShardMessage,
  { attempt, figures }: Decision,
): Promise<void> {
  const { index } = message.shard;
  if (figures.failed > 0) {
    const prepared = await results.head(keys.prepared(index, attempt));
    if (prepared === undefined) {
      throw new ServingError('INTERNAL', 'failed records of the deciding attempt are not there');
    }
    await results.assemble(keys.errors(index, message.shards), [prepared], {
      ifAbsent: true,
      contentType: jsonLines,
    });
  }
  await results.put(keys.done(message.group.index, index, encodeFigures(figures)), '');
}
