import { Journal } from './journal.ts';
import { Leases, type Receipt } from './leases.ts';
import type { Message } from './message.ts';
import { Shelf } from './shelf.ts';

/** One message in the hands of one receiver. */
export interface Delivery {
  readonly message: Message;
  readonly receiptHandle: string;
}

/** How many messages a queue holds, by what they wait for. */
export interface QueueDepth {
  readonly visible: number;
  readonly inFlight: number;
  readonly delayed: number;
}

export interface MessageStoreOptions {
  readonly retentionMs: number;
  readonly journalPath: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Told in a sentence what was lost from a damaged journal. */
  readonly onDamage: (sentence: string) => void;
}

/**
 * The messages of one queue: which of them wait, which are in whose hands and how often they came back in vain, in
 * memory and in a journal. What a queue does with them is not decided here.
 */
export class MessageStore {
  readonly #now: () => number;
  readonly #shelf: Shelf;
  readonly #journal: Journal;
  readonly #leases: Leases;

  /**
   * Opens the messages of a journal. Whatever was in flight is visible again, and the receive that a stop cut short
   * does not count: its receiver went with the server.
   */
  static async open(queueName: string, options: MessageStoreOptions): Promise<MessageStore> {
    const shelf = new Shelf(options.retentionMs);
    const journal = await Journal.open(options.journalPath, shelf.messages, options.onDamage);
    return new MessageStore(queueName, shelf, journal, options.now);
  }

  private constructor(queueName: string, shelf: Shelf, journal: Journal, now: () => number) {
    this.#leases = new Leases(queueName);
    this.#shelf = shelf;
    this.#journal = journal;
    this.#now = now;
    for (const message of [...shelf.messages.values()]) {
      if (message.firstReceivedMs !== undefined) message.visibleAtMs = message.firstReceivedMs;
      this.file(message);
    }
  }

  /** Those that can be received, oldest first, as of the last `settle`. */
  get ready(): ReadonlySet<Message> {
    return this.#shelf.ready;
  }

  /** When the next message becomes visible, at the earliest; milliseconds since the epoch. */
  get nextDueMs(): number {
    return this.#shelf.nextDueMs;
  }

  /** Holds for the messages that are there already, too. */
  setRetention(retentionMs: number): void {
    this.#shelf.setRetention(retentionMs);
  }

  /** Takes a message in, at once. Resolves when it would survive a restart. */
  async put(message: Message): Promise<void> {
    this.file(message);
    await this.#journal.append(['put', message]);
  }

  /** Files a message under what its `visibleAtMs` says. */
  file(message: Message): void {
    if (this.#shelf.place(message, this.#now())) this.#countReturn(message);
  }

  /** Gives a message to a receiver, hidden from others for that long. */
  deliver(message: Message, now: number, visibilityTimeoutMs: number): Delivery {
    message.firstReceivedMs ??= now;
    message.visibleAtMs = now + visibilityTimeoutMs;
    const received = { ...message, receiveCount: message.receiveCount + 1 };
    const receiptHandle = this.#leases.begin(message.key, now);
    this.file(message);
    return { message: received, receiptHandle };
  }

  /** @throws SqsError ReceiptHandleIsInvalid for a text that is no receipt handle of this queue */
  parseReceipt(receiptHandle: string): Receipt {
    return this.#leases.parse(receiptHandle);
  }

  /** The message that a receipt stands for; undefined when it is gone, or a later delivery has replaced this one. */
  received(receipt: Receipt): Message | undefined {
    return this.#leases.isReplaced(receipt) ? undefined : this.#shelf.messages.get(receipt.key);
  }

  /** The message of a key with the time of its last delivery, while it is hidden for that; undefined otherwise. */
  inFlight(key: string): { readonly message: Message; readonly sinceMs: number } | undefined {
    const message = this.#shelf.messages.get(key);
    const sinceMs = this.#leases.sinceMs(key);
    if (message === undefined || sinceMs === undefined || !this.#shelf.sleeping.has(message)) {
      return undefined;
    }
    return { message, sinceMs };
  }

  /** Wakes the sleepers that are due and lets go of what is too old. Gives the time. */
  settle(): number {
    const now = this.#now();
    for (const message of this.#shelf.wake(now)) this.#countReturn(message);
    for (const message of this.#shelf.expired(now)) this.drop(message).catch(toleratedLoss);
    return now;
  }

  depth(): QueueDepth {
    this.settle();
    const { ready, sleeping } = this.#shelf;
    const inFlight = [...sleeping].filter(
      ({ key }) => this.#leases.sinceMs(key) !== undefined,
    ).length;
    return { visible: ready.size, inFlight, delayed: sleeping.size - inFlight };
  }

  /** Deletes a message. */
  async drop(message: Message): Promise<void> {
    this.forget(message);
    await this.noteGone(message);
  }

  /** Lets go of a message that the journal still has: it comes back at a restart until `noteGone`. */
  forget(message: Message): void {
    this.#shelf.remove(message);
    this.#leases.forget(message.key);
  }

  async noteGone({ key }: Message): Promise<void> {
    await this.#journal.append(['gone', key]);
  }

  /** Deletes every message, in flight or not. */
  async purge(): Promise<void> {
    this.#shelf.clear();
    this.#leases.clear();
    await this.#journal.append(['purged']);
  }

  /** Closes the journal; nothing may be done with the messages afterwards. */
  async close(): Promise<void> {
    await this.#journal.close();
  }

  #countReturn(message: Message): void {
    const { key, firstReceivedMs = 0 } = message;
    if (!this.#leases.endedInVain(key)) return;
    message.receiveCount += 1;
    const record = ['returned', key, message.receiveCount, firstReceivedMs] as const;
    this.#journal.append(record).catch(toleratedLoss);
  }
}

/**
 * A record that could not be written (no room on the disk) costs at most a receive count or brings a message
 * back after a restart, which at-least-once delivery allows; the journal mends itself with its next rewrite.
 */
export function toleratedLoss(): void {}
