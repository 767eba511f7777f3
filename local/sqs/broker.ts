import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { invalidParameter, SqsError } from './errors.ts';
import { Fields } from './fields.ts';
import type { Message } from './message.ts';
import { Queue } from './queue.ts';
import {
  allowsSource,
  attributesOf,
  defaultSettings,
  fifoUnsupported,
  type QueueSettings,
  withAttributes,
} from './settings.ts';

/** A queue with what its clients may know of it. */
export interface QueueEntry {
  readonly queue: Queue;
  readonly tags: Map<string, string>;
  readonly createdMs: number;
  modifiedMs: number;
}

export interface BrokerContext {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly arrange: (oldestFirst: Iterable<Message>) => Iterable<Message>;
  /** Told in a sentence what was lost from a damaged journal. */
  readonly onDamage: (sentence: string) => void;
}

/** The queues by name, each with a folder of its own: `queue.json` (attributes, tags) and `messages.jsonl`. */
export class Broker {
  readonly #dataDir: string;
  readonly #context: BrokerContext;
  readonly #entries = new Map<string, QueueEntry>();

  /** Opens the queues that are in `dataDir`, from an earlier start. */
  static async open(dataDir: string, context: BrokerContext): Promise<Broker> {
    const broker = new Broker(dataDir, context);
    await mkdir(dataDir, { recursive: true });
    for (const folder of await readdir(dataDir, { withFileTypes: true })) {
      if (folder.isDirectory() && isQueueName(folder.name)) await broker.#load(folder.name);
    }
    return broker;
  }

  private constructor(dataDir: string, context: BrokerContext) {
    this.#dataDir = dataDir;
    this.#context = context;
  }

  find(name: string): QueueEntry | undefined {
    return this.#entries.get(name);
  }

  /** @throws SqsError QueueDoesNotExist */
  get(name: string): QueueEntry {
    const entry = this.#entries.get(name);
    if (entry === undefined) {
      throw new SqsError('QueueDoesNotExist', 'The specified queue does not exist.');
    }
    return entry;
  }

  /** Names in alphabetical order. */
  names(): readonly string[] {
    return [...this.#entries.keys()].sort();
  }

  /** Names of the queues whose redrive policy leads to that queue. */
  sourcesOf(name: string): readonly string[] {
    return this.names().filter(
      (source) => this.get(source).queue.settings.redrive?.deadLetterQueueName === name,
    );
  }

  /**
   * Creates a queue, or changes nothing when it exists with the attributes given.
   * @throws SqsError QueueNameExists when it has others
   */
  async create(
    name: string,
    attributes: ReadonlyMap<string, string>,
    tags: ReadonlyMap<string, string>,
  ): Promise<void> {
    if (name.endsWith('.fifo')) throw fifoUnsupported();
    if (!isQueueName(name)) {
      throw new SqsError(
        'InvalidParameterValue',
        'Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length',
      );
    }
    const existing = this.#entries.get(name);
    if (existing === undefined) {
      await this.define(name, withAttributes(defaultSettings, attributes), tags);
      return;
    }
    const current = attributesOf(existing.queue.settings);
    const wanted = attributesOf(withAttributes(existing.queue.settings, attributes));
    for (const attribute of Object.keys(wanted)) {
      if (wanted[attribute] !== current[attribute]) {
        throw new SqsError(
          'QueueNameExists',
          `A queue already exists with the same name and a different value for attribute ${attribute}`,
        );
      }
    }
  }

  /** Brings a queue to these settings, whether it exists or not. @throws SqsError when its redrive is refused */
  async define(
    name: string,
    settings: QueueSettings,
    tags: ReadonlyMap<string, string> = new Map(),
  ): Promise<void> {
    this.#assertRedrive(name, settings);
    const now = this.#context.now();
    let entry = this.#entries.get(name);
    if (entry === undefined) {
      entry = await this.#open(name, settings, new Map(tags), now, now);
    } else {
      entry.queue.configure(settings);
      entry.modifiedMs = now;
    }
    await this.save(name);
  }

  /** Writes a queue's attributes and tags down. */
  async save(name: string): Promise<void> {
    const { queue, tags, createdMs, modifiedMs } = this.get(name);
    const path = this.#definitionPath(name);
    const definition = {
      attributes: attributesOf(queue.settings),
      tags: Object.fromEntries(tags),
      createdMs,
      modifiedMs,
    };
    await writeFile(`${path}.new`, `${JSON.stringify(definition, undefined, 2)}\n`);
    await rename(`${path}.new`, path);
  }

  /** Deletes a queue with all its messages. */
  async delete(name: string): Promise<void> {
    const { queue } = this.get(name);
    this.#entries.delete(name);
    await queue.close();
    await rm(join(this.#dataDir, name), { recursive: true });
  }

  /** Ends every wait for messages. */
  endWaits(): void {
    for (const { queue } of this.#entries.values()) queue.endWaits();
  }

  /** Closes every queue's journal. */
  async close(): Promise<void> {
    await Promise.all([...this.#entries.values()].map(({ queue }) => queue.close()));
  }

  async #load(name: string): Promise<void> {
    let stored: { settings: QueueSettings; tags: Map<string, string>; times: [number, number] };
    try {
      const json: unknown = JSON.parse(await readFile(this.#definitionPath(name), 'utf8'));
      const fields = new Fields(json, name);
      const time = (field: string) => fields.integer(field, 0, Number.MAX_SAFE_INTEGER);
      stored = {
        settings: withAttributes(defaultSettings, fields.stringMap('attributes')),
        tags: new Map(fields.stringMap('tags')),
        times: [time('createdMs'), time('modifiedMs')],
      };
    } catch {
      // A crash came before the definition was whole. Its messages wait for who defines the queue again.
      return;
    }
    await this.#open(name, stored.settings, stored.tags, ...stored.times);
  }

  async #open(
    name: string,
    settings: QueueSettings,
    tags: Map<string, string>,
    createdMs: number,
    modifiedMs: number,
  ): Promise<QueueEntry> {
    const folder = join(this.#dataDir, name);
    await mkdir(folder, { recursive: true });
    const queue = await Queue.open(name, settings, join(folder, 'messages.jsonl'), {
      ...this.#context,
      find: (other) => this.#entries.get(other)?.queue,
    });
    const entry: QueueEntry = { queue, tags, createdMs, modifiedMs };
    this.#entries.set(name, entry);
    return entry;
  }

  #assertRedrive(name: string, { redrive }: QueueSettings): void {
    if (redrive === undefined) return;
    const invalid = (reason: string) => invalidParameter('RedrivePolicy', redrive, reason);
    if (redrive.deadLetterQueueName === name) {
      throw invalid('Dead letter target must not be the queue itself.');
    }
    const target = this.#entries.get(redrive.deadLetterQueueName);
    if (target === undefined) throw invalid('Dead letter target does not exist.');
    if (!allowsSource(target.queue.settings, name)) {
      throw invalid("The dead letter target's redrive allow policy does not name this queue.");
    }
  }

  #definitionPath(name: string): string {
    return join(this.#dataDir, name, 'queue.json');
  }
}

function isQueueName(name: string): boolean {
  return /^[A-Za-z0-9_-]{1,80}$/.test(name);
}
