import type { InputObject } from '../job.ts';
import { readBlocks } from '../sources/blocks.ts';
import { type CsvHeader, readCsvHeader } from '../sources/csv-header.ts';
import { QuotedLineEnds } from '../sources/line-ends.ts';
import type { Split, SplitContext } from './split.ts';

/**
 * Ranges that begin with a record. Whether a line end lies between quotes only reading from the start can tell, so
 * the object is read once, and nothing of it is kept.
 */
export async function* splitCsv(
  { input, job }: Pick<SplitContext, 'input' | 'job'>,
  object: InputObject,
  offset: number,
): AsyncGenerator<Split> {
  const header = await readCsvHeader(input, object);
  let start = Math.max(offset, header.end);
  for await (const end of recordEnds(input, object, start, job.shardBytes)) {
    if (end >= object.sizeBytes) break;
    yield { source: sourceOf(object, header, start, end), next: end };
    start = end;
  }
  yield { source: sourceOf(object, header, start, object.sizeBytes), next: undefined };
}

function sourceOf(
  object: InputObject,
  { header, end: headerEnd, lines }: CsvHeader,
  start: number,
  end: number,
): Split['source'] {
  return {
    kind: 'lines',
    format: 'csv',
    object,
    start,
    end,
    header,
    ...(start === headerEnd ? { linesBefore: lines } : {}),
  };
}

/** Places behind records, each at least `shardBytes` behind the one before. */
async function* recordEnds(
  input: SplitContext['input'],
  object: InputObject,
  start: number,
  shardBytes: number,
): AsyncGenerator<number> {
  const ends = new QuotedLineEnds();
  let target = start + shardBytes;
  for await (const { offset, bytes } of readBlocks(input, object, start, object.sizeBytes)) {
    ends.enter(bytes, 0);
    for (let end = ends.next(); end >= 0; end = ends.next()) {
      const place = offset + end + 1;
      if (place < target) continue;
      yield place;
      target = place + shardBytes;
    }
  }
}
