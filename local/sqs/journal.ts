import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { open, rename, rm } from 'node:fs/promises';
import * as v from 'valibot';
import { readJournal } from '../journal-lines.ts';
import { type Message, storedMessage } from './message.ts';

/**
 * What happened to a queue, one JSON line each. All are idempotent: a rewritten journal may already hold the
 * effect of lines that follow it.
 * - `put`: a message came in (or replaces the one of its key).
 * - `returned`: a message went back to the queue after `receiveCount` receives.
 * - `gone`: a message was deleted, moved or has expired.
 * - `purged`: all are gone.
 */
export type JournalRecord =
  | readonly ['put', message: Message]
  | readonly ['returned', key: string, receiveCount: number, firstReceivedMs: number]
  | readonly ['gone', key: string]
  | readonly ['purged'];

const recordSchema: v.GenericSchema<JournalRecord> = v.union([
  v.tuple([v.literal('put'), storedMessage]),
  v.tuple([v.literal('returned'), v.string(), v.number(), v.number()]),
  v.tuple([v.literal('gone'), v.string()]),
  v.tuple([v.literal('purged')]),
]);

/** Records that a journal may carry beyond twice its messages before it is rewritten. */
const compactionSlack = 1024;

/** So many messages are written at a time when a journal is rewritten. */
const recordsOfOneWrite = 256;

/**
 * The durable form of one queue: an append-only file that survives the death of the process (not of the
 * machine: nothing waits for the disk's platter). Records handed over while a write is under way go out
 * together in the next one. The file is rewritten when most of it is dead.
 */
export class Journal {
  readonly #path: string;
  readonly #messages: ReadonlyMap<string, Message>;
  #file: FileHandle;
  /** Where the next record goes. Writes name their position, so that a failed one is overwritten. */
  #lengthBytes: number;
  #records: number;
  #pending: { readonly line: string; readonly written: PromiseWithResolvers<void> }[] = [];
  #writing: Promise<void> | undefined;

  /**
   * Reads the journal of a queue into `messages`, as `readJournal` does, and opens it for more.
   * @param messages the queue's messages by key, now and later: what a rewrite of the file keeps
   * @param onDamage told in a sentence what was dropped, and where it is kept
   */
  static async open(
    path: string,
    messages: Map<string, Message>,
    onDamage: (sentence: string) => void,
  ): Promise<Journal> {
    const { lengthBytes, lines, damage } = await readJournal(path, recordSchema, (record) =>
      apply(messages, record),
    );
    if (damage !== undefined) onDamage(damage);
    const file = await open(path, constants.O_RDWR | constants.O_CREAT);
    await file.truncate(lengthBytes);
    // Damaged lines go with a rewrite, so that they are told of once.
    const records = damage === undefined ? lines : Number.POSITIVE_INFINITY;
    const journal = new Journal(path, messages, file, lengthBytes, records);
    await journal.#compactIfThereIsRoom();
    return journal;
  }

  private constructor(
    path: string,
    messages: ReadonlyMap<string, Message>,
    file: FileHandle,
    lengthBytes: number,
    records: number,
  ) {
    this.#path = path;
    this.#messages = messages;
    this.#file = file;
    this.#lengthBytes = lengthBytes;
    this.#records = records;
  }

  /**
   * Resolves once the operating system has the record. Change the queue's messages first: a rewrite keeps
   * what it finds there. @throws what writing a file throws
   */
  append(record: JournalRecord): Promise<void> {
    const written = Promise.withResolvers<void>();
    this.#pending.push({ line: `${JSON.stringify(record)}\n`, written });
    this.#writing ??= this.#drain();
    return written.promise;
  }

  /** Waits for what is under way, then closes the file. */
  async close(): Promise<void> {
    await this.#writing;
    await this.#file.close();
  }

  async #drain(): Promise<void> {
    await Promise.resolve(); // lets the records of one request gather
    while (this.#pending.length > 0) {
      const chunk = this.#pending;
      this.#pending = [];
      try {
        const bytes = Buffer.from(chunk.map(({ line }) => line).join(''));
        await writeAt(this.#file, bytes, this.#lengthBytes);
        this.#lengthBytes += bytes.byteLength;
        this.#records += chunk.length;
        for (const { written } of chunk) written.resolve();
      } catch (error) {
        // What went out in part: behind a shorter record, or at the next start, it would pass for damage.
        await this.#file.truncate(this.#lengthBytes).catch(() => undefined);
        for (const { written } of chunk) written.reject(error);
        // The messages are now ahead of the file: the next write that succeeds is followed by a rewrite.
        this.#records = Number.POSITIVE_INFINITY;
        continue;
      }
      await this.#compactIfThereIsRoom();
    }
    this.#writing = undefined;
  }

  /** Where there is no room for a second file, the first one still holds everything. */
  async #compactIfThereIsRoom(): Promise<void> {
    await this.#compactWhenWorthIt().catch(() => undefined);
  }

  /** Writes a new file beside the old one and puts it in its place: a crash leaves one of the two, whole. */
  async #compactWhenWorthIt(): Promise<void> {
    if (this.#records <= 2 * this.#messages.size + compactionSlack) return;
    const alive = [...this.#messages.values()];
    this.#records = alive.length;
    const temporary = `${this.#path}.new`;
    const file = await open(temporary, 'w+');
    let lengthBytes = 0;
    try {
      for (let start = 0; start < alive.length; start += recordsOfOneWrite) {
        const lines = alive
          .slice(start, start + recordsOfOneWrite)
          .map((message) => `${JSON.stringify(['put', message])}\n`);
        const bytes = Buffer.from(lines.join(''));
        await writeAt(file, bytes, lengthBytes);
        lengthBytes += bytes.byteLength;
      }
      await rename(temporary, this.#path);
    } catch (error) {
      await file.close();
      await rm(temporary, { force: true });
      throw error;
    }
    const previous = this.#file;
    this.#file = file;
    this.#lengthBytes = lengthBytes;
    await previous.close();
  }
}

async function writeAt(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  let offset = 0;
  while (offset < bytes.byteLength) {
    const rest = bytes.byteLength - offset;
    offset += (await file.write(bytes, offset, rest, position + offset)).bytesWritten;
  }
}

function apply(messages: Map<string, Message>, record: JournalRecord): void {
  switch (record[0]) {
    case 'put':
      messages.set(record[1].key, record[1]);
      return;
    case 'returned': {
      const message = messages.get(record[1]);
      if (message === undefined) return;
      message.receiveCount = record[2];
      message.firstReceivedMs = record[3];
      return;
    }
    case 'gone':
      messages.delete(record[1]);
      return;
    case 'purged':
      messages.clear();
  }
}
