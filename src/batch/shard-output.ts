import { crc32 } from 'node:zlib';
import type { Segment, SegmentContent } from './checkpoint.ts';
import { layoutOf } from './engine/column-encoder.ts';
import type { Piece, StoredPiece } from './object-store.ts';
import type { ShardAttemptOptions } from './shard-attempt.ts';
import { StreamedObject } from './streamed-object.ts';
import { encodeTablePart } from './table-part.ts';

/** An output part as it is stored: the lines as they are, or a table made of them. */
export async function finishOutput(
  { context, job, model, delivery }: ShardAttemptOptions,
  segments: readonly Segment[],
  last: SegmentContent,
) {
  const pieces = piecesOf(segments, ({ output }) => output, last.output);
  if (job.output.format !== 'parquet') {
    return { output: pieces, outputBytes: bytesOf(pieces), outputCrc32: last.outputCrc32 };
  }
  const lines: Uint8Array[] = [];
  for (const piece of pieces) {
    const stored = !(piece instanceof Uint8Array);
    lines.push(stored ? await context.results.read(piece, 0, piece.sizeBytes) : piece);
  }
  const hasTask = model.predictor !== undefined;
  const { columns } = layoutOf(job, model.lease, delivery.message.shard.source, hasTask);
  const table = await encodeTablePart(context.tables, columns, Buffer.concat(lines));
  return { output: [table], outputBytes: table.byteLength, outputCrc32: crc32(table) };
}

/** What segments keep, and behind it what is in memory. */
export function piecesOf(
  segments: readonly Segment[],
  kept: (segment: Segment) => StoredPiece | undefined,
  tail: Uint8Array,
): Piece[] {
  return [...segments.flatMap((segment) => kept(segment) ?? []), tail];
}

export function bytesOf(pieces: readonly Piece[] | StreamedObject): number {
  if (pieces instanceof StreamedObject) return pieces.bytes;
  return pieces.reduce(
    (sum, piece) => sum + (piece instanceof Uint8Array ? piece.byteLength : piece.sizeBytes),
    0,
  );
}
