import { sqsMessageBytes } from '../../contract/limits.ts';
import { ServingError } from '../../errors.ts';
import { splitCsv } from '../engine/input-text.ts';
import type { InputObject } from '../job.ts';
import type { InputReads } from '../source-record.ts';
import { readBlocks } from './blocks.ts';
import { readLines } from './lines.ts';

/** The message of each shard carries the header, as JSON. */
const maximumHeaderBytes = sqsMessageBytes - 64 * 1024;

/** The line that names the columns. */
export interface CsvHeader {
  readonly header: string;
  /** Where the lines of records begin. */
  readonly end: number;
  /** Lines up to there, empty ones too. */
  readonly lines: number;
}

/** The first line of a CSV object that is neither empty nor blank. @throws ServingError INVALID_REQUEST when there is none */
export async function readCsvHeader(store: InputReads, object: InputObject): Promise<CsvHeader> {
  const blocks = readBlocks(store, object, 0, Math.min(maximumHeaderBytes, object.sizeBytes), {
    blockBytes: 64 * 1024,
  });
  const range = {
    start: 0,
    end: object.sizeBytes,
    maximumBytes: maximumHeaderBytes,
    quoted: true,
    blankIsEmpty: true,
  };
  for await (const [line] of readLines(blocks, range)) {
    if (line === undefined) break;
    const header = Buffer.from(line.bytes ?? []).toString();
    refuseLongHeader(object.key, header, line.sizeBytes);
    return {
      header,
      end: await behindLineEnd(store, object, line.offset + line.sizeBytes),
      // A quoted line end within a name is one more line.
      lines: line.linesBefore + header.split('\n').length,
    };
  }
  throw new ServingError(
    'INVALID_REQUEST',
    `${object.key}: expected a line that names the columns`,
  );
}

/**
 * @param sizeBytes as it lies in its object
 * @throws ServingError INVALID_REQUEST for one that no message could carry
 */
export function refuseLongHeader(key: string, header: string, sizeBytes: number): void {
  const bytes = Math.max(sizeBytes, Buffer.byteLength(JSON.stringify(header)));
  if (bytes <= maximumHeaderBytes) return;
  throw new ServingError(
    'INVALID_REQUEST',
    `${key}: expected a line of at most ${maximumHeaderBytes} bytes that names the columns, got ${bytes}; wide tables can come as .npy, .parquet or .jsonl`,
  );
}

async function behindLineEnd(
  store: InputReads,
  object: InputObject,
  lineEnd: number,
): Promise<number> {
  const bytes = await store.read(object, lineEnd, Math.min(lineEnd + 2, object.sizeBytes));
  return lineEnd + (bytes[0] === 0x0d ? bytes.byteLength : Math.min(1, bytes.byteLength));
}

/**
 * Whether a blank line among records is as good as none: among several columns it cannot be a row. In the only one it may
 * be a value.
 */
export function isBlankNoRecord(header: string): boolean {
  return (splitCsv(header)?.length ?? 1) > 1;
}
