import { constants, createReadStream, existsSync } from 'node:fs';
import { copyFile, rename, rm } from 'node:fs/promises';
import { basename } from 'node:path';
import * as v from 'valibot';
import { diskTrouble } from './disk-trouble.ts';

const lineFeed = 0x0a;
const readBytes = 1024 * 1024;

/** What stood in a journal, an append-only file of one record a line, in JSON. */
export interface JournalReading {
  /** Up to the end of the last whole line: what is appended goes there. */
  readonly lengthBytes: number;
  /** Whole lines, damaged ones too. */
  readonly lines: number;
  /**
   * In one sentence, what of the file is damaged and so dropped, and where a copy of it is; undefined when it was whole.
   * Rewrite the file then, so that the same lines are not told of again.
   */
  readonly damage: string | undefined;
}

/**
 * Reads a journal, in memory for one line and one chunk. What is no whole record is passed over, and the file as it was is
 * kept beside it, as `<its name>.damaged`, in the place of an earlier one; the file itself is not changed.
 * @param schema what a record has to be: a line that a bad copy or a hand has changed would stop the start, or a later request
 * @param apply is given each record, oldest first
 */
export async function readJournal<JournalRecord>(
  path: string,
  schema: v.GenericSchema<JournalRecord>,
  apply: (record: JournalRecord) => void,
): Promise<JournalReading> {
  let lengthBytes = 0;
  let lines = 0;
  let damagedLines = 0;
  let damagedBytes = 0;
  let carried: Buffer[] = [];
  if (existsSync(path)) {
    for await (const chunk of createReadStream(path, { highWaterMark: readBytes })) {
      if (!Buffer.isBuffer(chunk)) continue;
      let start = 0;
      for (let end = chunk.indexOf(lineFeed); end >= 0; end = chunk.indexOf(lineFeed, start)) {
        const line = Buffer.concat([...carried, chunk.subarray(start, end)]);
        carried = [];
        start = end + 1;
        lines += 1;
        lengthBytes += line.byteLength + 1;
        const value = parse(line);
        if (value !== undefined && v.is(schema, value)) {
          apply(value);
        } else {
          damagedLines += 1;
          damagedBytes += line.byteLength + 1;
        }
      }
      carried.push(chunk.subarray(start));
    }
  }
  const cutBytes = carried.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const lost: string[] = [];
  if (damagedLines > 0) {
    lost.push(`${damagedBytes} bytes of lines that are damaged (${damagedLines})`);
  }
  // A dying process, a full disk or a bad copy left them behind the last whole line.
  if (cutBytes > 0) lost.push(`${cutBytes} bytes of a record that was cut short at its end`);
  const damage =
    lost.length === 0
      ? undefined
      : `${path} is damaged${await copyDamaged(path)}: dropped ${lost.join(' and ')}`;
  return { lengthBytes, lines, damage };
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
