import {
  closeSync,
  createReadStream,
  existsSync,
  ftruncateSync,
  openSync,
  renameSync,
  writeSync,
} from 'node:fs';

const lineFeed = 0x0a;

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

  /**
   * Hands every whole line to `apply`, oldest first, and opens the file for more.
   * @throws Error that names the file and the line which is not JSON
   */
  static async open(path: string, apply: (entry: unknown) => void): Promise<Journal> {
    let lengthBytes = 0;
    let lines = 0;
    if (existsSync(path)) {
      for await (const line of wholeLines(path)) {
        lines += 1;
        apply(parseLine(line, path, lines));
        lengthBytes += line.byteLength + 1;
      }
    }
    const descriptor = openSync(path, existsSync(path) ? 'r+' : 'w+');
    ftruncateSync(descriptor, lengthBytes);
    return new Journal(path, descriptor, lengthBytes);
  }

  private constructor(path: string, descriptor: number, lengthBytes: number) {
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

  /** Puts a file of just these entries in the place of this one: a crash leaves one of the two, whole. */
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

/** The lines of a file that end in a line feed, without it. */
async function* wholeLines(path: string): AsyncGenerator<Buffer> {
  let carried: Buffer[] = [];
  for await (const chunk of createReadStream(path, { highWaterMark: rewriteChunkBytes })) {
    if (!Buffer.isBuffer(chunk)) continue;
    let start = 0;
    for (let end = chunk.indexOf(lineFeed); end >= 0; end = chunk.indexOf(lineFeed, start)) {
      yield Buffer.concat([...carried, chunk.subarray(start, end)]);
      carried = [];
      start = end + 1;
    }
    carried.push(chunk.subarray(start));
  }
}

function parseLine(line: Buffer, path: string, number: number): unknown {
  try {
    return JSON.parse(line.toString());
  } catch (error) {
    throw new Error(`${path}: line ${number} is not JSON; the data folder is damaged.`, {
      cause: error,
    });
  }
}
