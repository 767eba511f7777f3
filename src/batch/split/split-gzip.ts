import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createGunzip } from 'node:zlib';
import { ServingError } from '../../errors.ts';
import type { InputObject } from '../job.ts';
import { readBlocks } from '../sources/blocks.ts';
import { lacksHeader, refuseHeader } from '../sources/csv-header.ts';
import { QuotedLineEnds } from '../sources/line-ends.ts';
import type { Split, SplitContext } from './split.ts';

/** What is unpacked is held in memory until it is stored: stretches are no larger than this, but for a record that is. */
const maximumStretchBytes = 16 * 1024 * 1024;
const maximumUnpackedRecordBytes = 256 * 1024 * 1024;

/**
 * A packed object can be read only from its start: so it is unpacked once, into stretches of whole records, which
 * workers then read side by side. To go on in the middle, what comes before is unpacked again and passed over.
 */
export async function* splitGzip(
  context: SplitContext,
  object: InputObject,
  format: 'jsonl' | 'csv' | 'text',
  offset: number,
): AsyncGenerator<Split> {
  const shardBytes = Math.min(context.job.shardBytes, maximumStretchBytes);
  const stretches = readStretches(unpack(context, object), format === 'csv', shardBytes);
  let header: string | undefined;
  let headerLines = 0;
  let firstOffset = 0;
  let held: { bytes: Uint8Array; offset: number } | undefined;
  const splitOf = async (
    stretch: { bytes: Uint8Array; offset: number },
    next: number | undefined,
  ): Promise<Split> => ({
    source: {
      kind: 'lines',
      format,
      object: await store(context, object, stretch),
      start: 0,
      end: stretch.bytes.byteLength,
      ...(header === undefined ? {} : { header }),
      ...(stretch.offset === firstOffset && headerLines > 0 ? { linesBefore: headerLines } : {}),
      unpacked: { key: object.key, offset: stretch.offset },
    },
    next,
  });
  for await (let stretch of stretches) {
    if (format === 'csv' && header === undefined) {
      const cut = cutHeader(stretch.bytes);
      headerLines += cut.lines;
      if (cut.header === undefined) continue;
      header = cut.header;
      refuseHeader(object.key, header, Buffer.byteLength(header));
      firstOffset = stretch.offset + cut.end;
      stretch = { bytes: stretch.bytes.subarray(cut.end), offset: firstOffset };
      // The next stretch begins at the same place, and is the first one.
      if (stretch.bytes.byteLength === 0) continue;
    }
    if (stretch.offset < offset) continue;
    if (held !== undefined) yield await splitOf(held, stretch.offset);
    held = stretch;
  }
  if (headerLines > 0 && header === undefined) throw lacksHeader(object.key);
  yield await splitOf(held ?? { bytes: new Uint8Array(0), offset }, undefined);
}

async function store(
  { results, keys }: SplitContext,
  object: InputObject,
  { bytes, offset }: { bytes: Uint8Array; offset: number },
): Promise<InputObject> {
  const hash = createHash('sha256').update(object.key).digest('hex').slice(0, 16);
  const key = keys.unpacked(hash, offset);
  await results.put(key, bytes);
  const head = await results.head(key);
  if (head === undefined) throw new ServingError('UNAVAILABLE', 'what was unpacked is not there');
  return { key, etag: head.etag, sizeBytes: head.sizeBytes };
}

async function* unpack(
  { input }: Pick<SplitContext, 'input'>,
  object: InputObject,
): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip();
  const feed = async () => {
    for await (const { bytes } of readBlocks(input, object, 0, object.sizeBytes)) {
      if (!gunzip.write(bytes)) await once(gunzip, 'drain');
    }
    gunzip.end();
  };
  const fed = feed().catch((thrown: unknown) => {
    gunzip.destroy(thrown instanceof Error ? thrown : new Error(String(thrown)));
  });
  try {
    for await (const chunk of gunzip) yield chunk as Uint8Array;
    await fed;
  } catch (cause) {
    if (cause instanceof ServingError) throw cause;
    throw new ServingError('INVALID_REQUEST', `${object.key}: expected gzip, got other bytes`, {
      cause,
    });
  } finally {
    gunzip.destroy();
  }
}

/** Bytes in stretches that end with a record. */
async function* readStretches(
  chunks: AsyncIterable<Uint8Array>,
  quoted: boolean,
  stretchBytes: number,
): AsyncGenerator<{ bytes: Uint8Array; offset: number }> {
  const ends = quoted ? new QuotedLineEnds() : undefined;
  let offset = 0;
  let pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    let start = 0;
    ends?.enter(chunk, 0);
    for (;;) {
      const wanted = start + Math.max(0, stretchBytes - bytes - 1);
      const end = ends === undefined ? chunk.indexOf(0x0a, wanted) : nextEnd(ends, wanted);
      if (end < 0) break;
      pieces.push(chunk.subarray(start, end + 1));
      const stretch = Buffer.concat(pieces);
      yield { bytes: stretch, offset };
      offset += stretch.byteLength;
      pieces = [];
      bytes = 0;
      start = end + 1;
    }
    pieces.push(chunk.subarray(start));
    bytes += chunk.byteLength - start;
    if (bytes > maximumUnpackedRecordBytes) {
      throw new ServingError(
        'PAYLOAD_TOO_LARGE',
        `record: expected at most ${maximumUnpackedRecordBytes} bytes, got more`,
      );
    }
  }
  if (bytes > 0) yield { bytes: Buffer.concat(pieces), offset };
}

/** The first record end at or after a place. */
function nextEnd(ends: QuotedLineEnds, wanted: number): number {
  let end = ends.next();
  while (end >= 0 && end < wanted) end = ends.next();
  return end;
}

/** The first line that is neither empty nor blank; undefined when a stretch holds none. */
function cutHeader(bytes: Uint8Array): {
  readonly header: string | undefined;
  readonly end: number;
  /** Lines up to there. */
  readonly lines: number;
} {
  const ends = new QuotedLineEnds();
  ends.enter(bytes, 0);
  let lines = 0;
  for (let start = 0; start < bytes.byteLength; ) {
    const found = ends.next();
    const end = found < 0 ? bytes.byteLength : found;
    const text = Buffer.from(bytes.subarray(start, end))
      .toString()
      .replace(/^\uFEFF/, '')
      .replace(/\r$/, '');
    start = found < 0 ? end : end + 1;
    lines += text.split('\n').length;
    if (/[^ \t]/.test(text)) return { header: text, end: start, lines };
  }
  return { header: undefined, end: bytes.byteLength, lines };
}
