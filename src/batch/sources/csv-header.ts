import { sqsMessageBytes } from '../../contract/limits.ts';
import { ServingError } from '../../errors.ts';
import { quote } from '../../protocol/fields.ts';
import { decimal } from '../../protocol/formats/cells.ts';
import type { InputObject } from '../job.ts';
import type { InputReads } from '../source-record.ts';
import { readBlocks } from './blocks.ts';
import { csvFields } from './csv-fields.ts';
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

/**
 * The first line of a CSV object that is neither empty nor blank.
 *
 * @throws ServingError INVALID_REQUEST when there is none, or it names no columns
 */
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
    refuseHeader(object.key, header, line.sizeBytes);
    return {
      header,
      end: await behindLineEnd(store, object, line.offset + line.sizeBytes),
      // A quoted line end within a name is one more line.
      lines: line.linesBefore + header.split('\n').length,
    };
  }
  throw lacksHeader(object.key);
}

/** The refusal of CSV that has no line that names the columns. */
export function lacksHeader(key: string): ServingError {
  return new ServingError('INVALID_REQUEST', `${key}: expected a line that names the columns`);
}

/**
 * What no shard could take a record with, and lines that do not name columns: as data they would be lost.
 *
 * @param sizeBytes as it lies in its object
 * @throws ServingError INVALID_REQUEST
 */
export function refuseHeader(key: string, header: string, sizeBytes: number): void {
  const fault = faultOf(header, sizeBytes);
  if (fault !== undefined) throw new ServingError('INVALID_REQUEST', `${key}: expected ${fault}`);
}

function faultOf(header: string, sizeBytes: number): string | undefined {
  if (header.includes('\0')) {
    return 'CSV in UTF-8, got U+0000 in its first line, as UTF-16 has it; save it as UTF-8';
  }
  if (header.replaceAll(/"[^"]*"/g, '').includes('\r')) {
    return 'lines that end in LF or CRLF, got CR alone; save it with other line ends';
  }
  const bytes = Math.max(sizeBytes, Buffer.byteLength(JSON.stringify(header)));
  if (bytes > maximumHeaderBytes) {
    return `a line of at most ${maximumHeaderBytes} bytes that names the columns, got ${bytes}; wide tables can come as .npy, .parquet or .jsonl`;
  }
  if (!isData(csvFields(header) ?? [])) return undefined;
  return `a line that names the columns, got numbers: ${quote(header)}; put a line of names before them`;
}

/** pandas names the columns of an array 0, 1, 2, ..., and years can be names: different whole numbers may name columns. */
function isData(header: readonly string[]): boolean {
  const names = header.filter((name) => name !== '');
  if (names.length === 0 || !names.every((name) => decimal.test(name))) return false;
  return names.some((name) => !/^\d+$/.test(name)) || new Set(names).size < names.length;
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
  return (csvFields(header)?.length ?? 1) > 1;
}
