import { constants, createReadStream, existsSync } from 'node:fs';
import { copyFile, rename, rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { diskTrouble } from './disk-trouble.ts';

const lineFeed = 0x0a;
const readBytes = 1024 * 1024;

/** What stood in a journal, an append-only file of one JSON value a line. */
export interface JournalReading {
  /** Up to the end of the last whole line: what is appended goes there. */
  readonly lengthBytes: number;
  /** Whole lines, damaged ones too. */
  readonly lines: number;
  /** Whole lines that are no record, and their bytes. */
  readonly damagedLines: number;
  readonly damagedBytes: number;
  /** Bytes behind the last whole line: of a record that a dying process, a full disk or a bad copy cut short. */
  readonly cutBytes: number;
}

/**
 * Reads a journal, in memory for one line and one chunk. What is not a whole record is passed over.
 * @param take is given each line's value, oldest first. @returns false for one that is no record
 */
export async function readJournal(
  path: string,
  take: (value: unknown) => boolean,
): Promise<JournalReading> {
  const reading = { lengthBytes: 0, lines: 0, damagedLines: 0, damagedBytes: 0, cutBytes: 0 };
  if (!existsSync(path)) return reading;
  let carried: Buffer[] = [];
  for await (const chunk of createReadStream(path, { highWaterMark: readBytes })) {
    if (!Buffer.isBuffer(chunk)) continue;
    let start = 0;
    for (let end = chunk.indexOf(lineFeed); end >= 0; end = chunk.indexOf(lineFeed, start)) {
      const line = Buffer.concat([...carried, chunk.subarray(start, end)]);
      carried = [];
      start = end + 1;
      reading.lines += 1;
      reading.lengthBytes += line.byteLength + 1;
      const value = parse(line);
      if (value !== undefined && take(value)) continue;
      reading.damagedLines += 1;
      reading.damagedBytes += line.byteLength + 1;
    }
    carried.push(chunk.subarray(start));
  }
  reading.cutBytes = carried.reduce((sum, { byteLength }) => sum + byteLength, 0);
  return reading;
}

/**
 * Keeps a copy of a damaged journal beside it, as `<its name>.damaged`, in the place of an earlier one: the journal itself
 * goes on without what is damaged. Call it before the file is changed.
 * @returns one sentence about what the journal has lost, and where the copy is; undefined when it was whole
 */
export async function keepDamaged(
  path: string,
  reading: JournalReading,
): Promise<string | undefined> {
  const { damagedLines, damagedBytes, cutBytes } = reading;
  const within =
    damagedLines === 0 ? [] : [`${damagedBytes} bytes of lines that are damaged (${damagedLines})`];
  const atEnd =
    cutBytes === 0 ? [] : [`${cutBytes} bytes of a record that was cut short at its end`];
  const lost = [...within, ...atEnd];
  if (lost.length === 0) return undefined;
  return `${path} is damaged${await copyDamaged(path)}: dropped ${lost.join(' and ')}`;
}

/** @returns words that follow "is damaged" */
async function copyDamaged(path: string): Promise<string> {
  const kept = `${path}.damaged`;
  const temporary = `${kept}.new`;
  try {
    await copyFile(path, temporary, constants.COPYFILE_FICLONE);
    await rename(temporary, kept);
    return ` and kept as ${basename(kept)}`;
  } catch (error) {
    await rm(temporary, { force: true });
    // A laptop without room for the copy still starts.
    return ` (no copy of it could be kept: ${diskTrouble(error)?.reason ?? String(error)})`;
  }
}

/** Undefined for what is not JSON, which no JSON stands for. */
function parse(line: Buffer): unknown {
  try {
    return JSON.parse(line.toString());
  } catch {
    return undefined;
  }
}
