import {
  closeSync,
  constants,
  ftruncateSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import type * as v from 'valibot';
import { readJournal } from '../journal-lines.ts';

/** Bytes gathered before a rewrite hands them to the file system. */
const rewriteChunkBytes = 1024 * 1024;

/**
 * An append-only file of JSON lines: the durable form of the store's state. A line is written in one
 * synchronous call, so an entry is in the file, whole, before anything else happens in this process; a line
 * that a dying process or a full disk cut short is dropped. Survives the death of the process, not of the
 * machine: nothing waits for the disk's platter.
 */
export class Journal {
  readonly #path: string;
  #descriptor: number;
  #lengthBytes: number;
  #closed = false;

  /** In a sentence, what was dropped when the file was opened, and where it is kept; undefined when it was whole. */
  readonly damage: string | undefined;

  /** Reads the file as `readJournal` does, and opens it for more. */
  static async open<Entry>(
    path: string,
    schema: v.GenericSchema<Entry>,
    apply: (entry: Entry) => void,
  ): Promise<Journal> {
    const { lengthBytes, damage } = await readJournal(path, schema, apply);
    const descriptor = openSync(path, constants.O_RDWR | constants.O_CREAT);
    ftruncateSync(descriptor, lengthBytes);
    return new Journal(path, descriptor, lengthBytes, damage);
  }

  private constructor(
    path: string,
    descriptor: number,
    lengthBytes: number,
    damage: string | undefined,
  ) {
    this.damage = damage;
    this.#path = path;
    this.#descriptor = descriptor;
    this.#lengthBytes = lengthBytes;
  }

  /** Returns once the operating system has the entry. @throws what writing a file throws; the file is then as before */
  append(entry: unknown): void {
    // The descriptor's number may be another file's by now.
    if (this.#closed) throw new Error('the journal is closed');
    const line = Buffer.from(`${JSON.stringify(entry)}\n`);
    try {
      writeWhole(this.#descriptor, line, this.#lengthBytes);
    } catch (error) {
      ftruncateSync(this.#descriptor, this.#lengthBytes);
      throw error;
    }
    this.#lengthBytes += line.byteLength;
  }

  /**
   * Puts a file of just these entries in the place of this one: a crash leaves one of the two, whole.
   * @throws what writing a file throws; the journal is then as before
   */
  rewrite(entries: Iterable<unknown>): void {
    const temporary = `${this.#path}.new`;
    const descriptor = openSync(temporary, 'w+');
    let lengthBytes = 0;
    let gathered = '';
    const flush = (): void => {
      const bytes = Buffer.from(gathered);
      writeWhole(descriptor, bytes, lengthBytes);
      lengthBytes += bytes.byteLength;
      gathered = '';
    };
    try {
      for (const entry of entries) {
        gathered += `${JSON.stringify(entry)}\n`;
        if (gathered.length >= rewriteChunkBytes) flush();
      }
      flush();
      renameSync(temporary, this.#path);
    } catch (error) {
      closeSync(descriptor);
      // The disk is likely to be full: half a file would only take more of it.
      rmSync(temporary, { force: true });
      throw error;
    }
    closeSync(this.#descriptor);
    this.#descriptor = descriptor;
    this.#lengthBytes = lengthBytes;
  }

  close(): void {
    this.#closed = true;
    closeSync(this.#descriptor);
  }
}

function writeWhole(descriptor: number, bytes: Buffer, position: number): void {
  let offset = 0;
  while (offset < bytes.byteLength) {
    offset += writeSync(descriptor, bytes, offset, bytes.byteLength - offset, position + offset);
  }
}
